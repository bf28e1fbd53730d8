"""How long the bundled model takes on its own 10.5 s 480p clip: load, first answer, later answers.

Run as `python benchmarks/bundled_speed.py OUT.json` on a machine that does nothing else. Before anything is timed, the
tokens and answers in the precision in use are held against float32; where they differ, no speed is written.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import videobert
from videobert.bench.environment import environment
from videobert.model.folder import BUNDLED
from videobert.results.run import Report

CLIP = BUNDLED / "shapes" / "clip.mp4"
RUNS = 21
# A process of its own each time: what a user waits for after starting a program.
_FRESH = """
import sys, time
import videobert
t = time.perf_counter()
with videobert.load("shapes", cache_dir=sys.argv[1]) as model:
    loaded = time.perf_counter()
    model.run(sys.argv[2])
    print(loaded - t, time.perf_counter() - loaded)
"""


def fresh(cache: Path) -> tuple[float, float]:
    """Seconds of load and of the first answer in a new process."""
    command = [sys.executable, "-c", _FRESH, str(cache), str(CLIP)]
    load_s, first_s = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(load_s), float(first_s)


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(seconds, n=4)
    return {"median_s": round(middle, 4), "q1_s": round(low, 4), "q3_s": round(high, 4), "n": len(seconds)}


def answers(report: Report) -> list[Any]:
    """What a report says, without scores."""
    return [(s.start_s, s.end_s, {name: c[0].text for name, c in s.answers.items()}) for s in report.segments]


def measure() -> dict[str, Any]:
    """Every figure, or none where the parity check fails."""
    with videobert.load("shapes") as model, videobert.load("shapes", precision="fp32") as reference:
        report, exact = model.run(CLIP), reference.run(CLIP)
        parity = {
            "precision": model.origin.precision,
            "token_match_with_f32": float(np.mean(model.tokens(CLIP).ids == reference.tokens(CLIP).ids)),
            "same_answers_as_f32": answers(report) == answers(exact),
        }
        results: dict[str, Any] = {
            "environment": environment("openvino", "av", "numpy"),
            "clip_s": report.duration_s,
            "parity": parity,
        }
        if parity["token_match_with_f32"] < 0.99 or not parity["same_answers_as_f32"]:
            return results
        later = []
        for _ in range(RUNS):
            began = time.perf_counter()
            model.run(CLIP)
            later.append(time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as folder:
        cold = fresh(Path(folder))
        warm = [fresh(Path(folder)) for _ in range(RUNS)]
    results["load_without_cache_s"] = round(cold[0], 3)
    results["load"] = spread([load for load, _ in warm])
    results["first_answer"] = spread([first for _, first in warm])
    results["later_answer"] = spread(later)
    results["times_real_time"] = round(report.duration_s / results["later_answer"]["median_s"], 1)
    return results


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
