"""A new process, from nothing to its first answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from videobert.base.errors import DeviceError
from videobert.cuda.memory_watch import MemoryWatch
from videobert.results.bench import ColdStart

# Run by itself, so that nothing is imported that `import videobert` would not.
_PROGRAM = """
import json, sys, time
began = time.perf_counter()
import videobert
imported = time.perf_counter()
asked = json.loads(sys.argv[1])
with videobert.load(asked["model"], **asked["options"]) as model:
    loaded = time.perf_counter()
    getattr(model, asked["verb"])(asked["video"], **asked["reading"])
    answered = time.perf_counter()
from videobert.bench.peak_memory import peak_memory_bytes
peak = peak_memory_bytes() or 0
print(json.dumps([imported - began, loaded - imported, answered - loaded, peak]))
"""
_LONGEST_S = 600


def cold_start(
    model: str | Path,
    video: Path,
    verb: str,
    *,
    options: Mapping[str, Any],
    reading: Mapping[str, Any],
    runs: int = 3,
    scratch: Path,
    on_gpu: bool = False,
) -> ColdStart:
    """The fastest of some new processes, the first of which has an empty cache of compiled graphs.

    Args:
        model, options: what `load` takes.
        video, verb, reading: what is asked.
        runs: with a full cache.
        scratch: a folder for the cache.
        on_gpu: whether the model runs on one, whose memory is then watched.

    Raises:
        DeviceError: the process failed; what it said is in the error.
    """
    asked = {"model": str(model), "video": str(video), "verb": verb, "reading": dict(reading)}
    asked["options"] = {**options, "cache_dir": str(scratch)}
    first = _run(asked)
    # The first one may compile for minutes, and needs more memory for it than any later one.
    with MemoryWatch() if on_gpu else nullcontext() as watch:
        others = [_run(asked) for _ in range(runs)]
    best = [min(column) for column in zip(*others, strict=True)]
    return ColdStart(
        import_s=best[0],
        load_s=best[1],
        first_load_s=first[1],
        first_answer_s=best[2],
        peak_memory_bytes=int(max(run[3] for run in others)),
        peak_device_memory_bytes=None if watch is None else watch.peak_bytes,
    )


def _run(asked: Mapping[str, Any]) -> list[float]:
    command = [sys.executable, "-c", _PROGRAM, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    if done.returncode:
        raise DeviceError(
            "a new process could not answer",
            seen=done.stderr.strip().rsplit("\n", 1)[-1],
            fix="Run the verb by itself to see what is wrong; --no-cold leaves this out.",
        )
    return [float(value) for value in json.loads(done.stdout.rsplit("\n", 2)[-2])]
