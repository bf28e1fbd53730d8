"""How long the bundled model takes on its own 10.5 s 480p clip: start of a program, load, first answer, later answers.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import videobert
from videobert.bench.environment import environment
from videobert.model.folder import BUNDLED
from videobert.results.run import Report

CLIP = BUNDLED / "shapes" / "clip.mp4"
RUNS, COLD_RUNS = 21, 7
# A process of its own each time: what a user waits for after starting a program.
_FRESH = """
import sys, time
import videobert
t = time.perf_counter()
with videobert.load("shapes", cache_dir=sys.argv[1]) as model:
    loaded = time.perf_counter()
    model.run(sys.argv[2])
    print(loaded - t, time.perf_counter() - loaded, flush=True)
from videobert.bench.peak_memory import peak_memory_bytes
print(peak_memory_bytes())
"""


@dataclass(frozen=True)
class Fresh:
    """One new process.

    Args:
        start_s: from its start to its first answer.
        load_s, first_s: of that, loading and answering.
        peak_bytes: the most memory that it held.
    """

    start_s: float
    load_s: float
    first_s: float
    peak_bytes: int


def fresh(cache: Path) -> Fresh:
    """A new process that loads the model and answers once."""
    began = time.perf_counter()
    command = [sys.executable, "-c", _FRESH, str(cache), str(CLIP)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("a pipe was asked for")
        load_s, first_s = process.stdout.readline().split()
        start_s = time.perf_counter() - began
        peak = process.stdout.readline()
    return Fresh(start_s, float(load_s), float(first_s), int(peak))


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
        later, worked = [], []
        for _ in range(RUNS):
            began, work = time.perf_counter(), time.process_time()
            model.run(CLIP)
            later.append(time.perf_counter() - began)
            worked.append(time.process_time() - work)
    cold, warm = list[Fresh](), list[Fresh]()
    for _ in range(COLD_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(fresh(Path(folder)))
            warm += [fresh(Path(folder)) for _ in range(RUNS // COLD_RUNS)]
    results["load_without_cache_s"] = round(statistics.median(each.load_s for each in cold), 3)
    results["load"] = spread([each.load_s for each in warm])
    results["first_answer"] = spread([each.first_s for each in warm])
    results["start_to_first_answer"] = spread([each.start_s for each in warm])
    results["start_to_first_answer_without_cache"] = spread([each.start_s for each in cold])
    results["peak_memory_bytes"] = max(each.peak_bytes for each in warm)
    results["peak_memory_without_cache_bytes"] = max(each.peak_bytes for each in cold)
    results["later_answer"] = spread(later)
    results["later_answer_processor"] = spread(worked)
    results["times_real_time"] = round(report.duration_s / results["later_answer"]["median_s"], 1)
    return results


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
