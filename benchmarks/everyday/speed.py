"""How long `everyday` takes on 480p film: `python benchmarks/everyday/speed.py MODEL OUT.json VIDEO…`.

Each video is looped to a minute of 854 x 480 H.264 at its own frame rate. First its answers in the precision in use are
held against float32 on the video itself: where they differ, no speed is written. Then `run` is timed on the minute. The
first answer is that of a new process on ten seconds, after `load` has returned. Run it on a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from videobert import Runtime, load
from videobert.bench.environment import environment
from videobert.model.precision import Precision
from videobert.results.run import Report

sys.path.insert(0, str(Path(__file__).parents[1]))
from looped_film import HEIGHT, WIDTH, looped

MINUTE_S, FIRST_S = 60, 10
RUNS = 4
_FRESH = """
import sys, time
import videobert
from videobert.bench.peak_memory import peak_memory_bytes
with videobert.load(sys.argv[1], precision=sys.argv[3]) as model:
    loaded = time.perf_counter()
    model.run(sys.argv[2])
    print(time.perf_counter() - loaded)
print(peak_memory_bytes())
"""


def answers(report: Report) -> list[Any]:
    """What a report says, without scores. A question that is left open is left open, whatever the first guess."""
    return [
        (s.start_s, s.end_s, {name: None if name in s.unsure else c[0].text for name, c in s.answers.items()})
        for s in report.segments
    ]


def timed(model: Runtime, film: Path) -> float:
    """Seconds that `run` takes."""
    began = time.perf_counter()
    model.run(film)
    return time.perf_counter() - began


def measure(model_folder: Path, precision: Precision, video: Path, scratch: Path) -> dict[str, Any]:
    """Every figure of one video, or none where the parity check fails."""
    with load(model_folder, precision=precision) as model, load(model_folder, precision="fp32") as exact:
        result: dict[str, Any] = {
            "video": video.name,
            "same_answers_as_f32": answers(model.run(video)) == answers(exact.run(video)),
        }
    if not result["same_answers_as_f32"]:
        return result
    minute, start = scratch / "minute.mp4", scratch / "start.mp4"
    looped(video, minute, MINUTE_S)
    looped(video, start, FIRST_S)
    with load(model_folder, precision=precision) as model:
        report = model.run(minute)
        seconds = [timed(model, minute) for _ in range(RUNS)]
    result |= {
        "shots": len(report.shots),
        "run_s": [round(value, 2) for value in seconds],
        "times_real_time": round(MINUTE_S / statistics.median(seconds), 1),
    }
    command = [sys.executable, "-c", _FRESH, str(model_folder), str(start), precision]
    told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(RUNS)]
    result["first_answer_s"] = [round(float(seconds), 2) for seconds, _ in told]
    result["peak_memory_bytes"] = max(int(peak) for _, peak in told)
    return result


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--precision", choices=("auto", "exact", "bf16", "int8"), default="auto")
    given = parser.parse_args()
    results = []
    for video in given.videos:
        with tempfile.TemporaryDirectory() as scratch:
            results.append(measure(given.model, given.precision, video, Path(scratch)))
        print(results[-1], flush=True)
    result = {
        "environment": environment("openvino", "av", "numpy"),
        "precision": given.precision,
        "film": f"{MINUTE_S} s of {WIDTH} x {HEIGHT} H.264",
        "videos": results,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
