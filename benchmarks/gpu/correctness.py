"""The kernels' own tests on a GPU, one process for each kernel, all at a time: most of the time is the compiler's."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.gpu.parts import Part, Workers
from benchmarks.gpu.processes import ROOT, Child

TESTS: Final = ROOT / "tests" / "kernels"
# By what is lost if one of them is wrong; how many sixteenths of the cores each gets, which is how much it compiles.
KERNELS: Final = {
    "attention": 5,
    "nearest_centroid": 4,
    "packed_encoder": 1,
    "attention_decode": 2,
    "masked_top_k": 1,
    "bias_residual_layer_norm": 1,
    "bias_gelu": 1,
    "embed_layer_norm": 1,
}
_MOST_FAILURES: Final = 20
_TAIL: Final = 40


def half_precision() -> Part:
    """Every test of every kernel that computes in fp16 or bf16, or that only a GPU can run."""
    rows = tuple(f"fp16 and bf16: {kernel}" for kernel in KERNELS)
    return _part("half precision", rows, "half", cost_s=80.0, most_s=170.0)


def the_rest() -> Part:
    """The other tests of the kernels."""
    rows = tuple(f"fp32 and calls: {kernel}" for kernel in KERNELS)
    return _part("the rest", rows, "rest", cost_s=70.0, most_s=150.0)


def collected() -> Part:
    """For a dry run: the same tests, found and not run, in one process."""

    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            found = Path(folder, "tests")
            folders = [str(TESTS / "ops" / kernel) for kernel in KERNELS]
            child = Child([*_pytest(found, "half"), "--collect-only", *folders])
            wait([child], deadline_s)
            child.end()
            counts = Counter(Path(test["test"].split("::")[0]).parent.name for test in _lines(found))
        for row in rows:
            kernel = row.split(": ")[1]
            if counts[kernel] and child.process.returncode == 0:
                yield {"name": row, "verdict": "dry run", "counts": {"collected": counts[kernel]}}
            else:
                yield {"name": row, "verdict": "failed", "error": "no test was found", "tail": child.said()[-_TAIL:]}

    rows = tuple(f"fp16 and bf16: {kernel}" for kernel in KERNELS)
    name = "correctness/half precision"
    return Part(name=name, kind="correctness", rows=rows, cost_s=5.0, most_s=120.0, run=run)


def sanitizer(tool: str) -> Part:
    """The tests of the kernels under compute-sanitizer, as far as they come."""
    row = f"compute-sanitizer {tool}"

    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        program = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
        if program is None:
            yield {"name": row, "verdict": "absent", "error": "compute-sanitizer is not installed here"}
            return
        around = [program, "--tool", tool, "--error-exitcode", "9", "--target-processes", "all"]
        # Without torch's caching allocator a buffer ends where the tool sees it end; nothing can then be captured.
        settings = {"VIDEOBERT_NEEDS_GPU": "1", "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
        with tempfile.TemporaryDirectory() as folder:
            found = Path(folder, "tests")
            command = [*around, *_pytest(found, ""), "-x", "-k", "not _graph_", str(TESTS / "ops")]
            child = Child(command, settings)
            in_time = wait([child], deadline_s)
            yield {"name": row, **outcome(child, found, in_time)}

    return Part(name=f"correctness/{tool}", kind="correctness", rows=(row,), cost_s=60.0, most_s=400.0, run=run)


def _part(name: str, rows: tuple[str, ...], which: str, *, cost_s: float, most_s: float) -> Part:
    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        if importlib.util.find_spec("pytest") is None:
            yield from ({"name": row, "verdict": "absent", "error": "pytest is not installed here"} for row in rows)
            return
        with tempfile.TemporaryDirectory() as folder:
            running = {}
            try:
                for row in rows:
                    kernel = row.split(": ")[1]
                    found = Path(folder, kernel)
                    command = [*_pytest(found, which), *in_parallel(KERNELS[kernel] / 16), str(TESTS / "ops" / kernel)]
                    running[row] = Child(command, {"VIDEOBERT_NEEDS_GPU": "1"}), found
                while running:
                    in_time = wait([child for child, _ in running.values()], deadline_s, first=True)
                    for row, (child, found) in list(running.items()):
                        if child.process.poll() is not None or not in_time:
                            child.end()
                            yield {"name": row, **outcome(child, found, in_time)}
                            del running[row]
            finally:
                for child, _ in running.values():
                    child.end()

    return Part(name=f"correctness/{name}", kind="correctness", rows=rows, cost_s=cost_s, most_s=most_s, run=run)


def _pytest(found: Path, which: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-m", "not slow", "--confcutdir", str(TESTS)]
    if importlib.util.find_spec("pytest_timeout") is None:
        # The project's setting is for a plugin that need not be here; pytest warns about it and goes on.
        command += ["-W", "ignore::pytest.PytestConfigWarning"]
    # From here on the plugin, which says what became of each test as soon as it is known.
    return [*command, "-p", "benchmarks.gpu.told_tests", "--told", str(found), "--precision", which or "any"]


def wait(children: Sequence[Child], deadline_s: float, *, first: bool = False) -> bool:
    """Whether all of them end in time, or one of them; what does not is ended, if all were waited for."""
    while time.monotonic() < deadline_s:
        ended = [child.process.poll() is not None for child in children]
        if all(ended) or (first and any(ended)):
            return True
        time.sleep(0.05)
    if not first:
        for child in children:
            child.end()
    return False


def outcome(child: Child, found: Path, in_time: bool) -> dict[str, Any]:
    """A row of a process of tests: what of them passed is known even where it was ended."""
    child.end()
    tests = _lines(found)
    counts = dict(Counter(test["outcome"] for test in tests))
    row: dict[str, Any] = {"counts": counts, "seconds": child.seconds}
    code = child.process.returncode
    failed = [test["test"] for test in tests if test["outcome"] == "failed"]
    if failed:
        row |= {"failures": failed[:_MOST_FAILURES]}
    if in_time and code == 0 and counts.get("passed"):
        return {"verdict": "passed", **row}
    if not in_time and not failed:
        return {"verdict": "ended", "error": f"over its time after {sum(counts.values())} tests", **row}
    if in_time and code == 5:
        return {"verdict": "failed", "error": "no test was found", **row}
    why = f"{len(failed)} tests failed" if failed else f"pytest ended with {code}, {counts.get('passed', 0)} passed"
    return {"verdict": "failed", "error": why, **row, "tail": child.said()[-_TAIL:]}


def _lines(path: Path) -> list[dict[str, Any]]:
    # A line without its end is still being written.
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def in_parallel(share: float) -> list[str]:
    """Options for pytest: processes for this share of the cores, where pytest-xdist is there."""
    count = round(share * len(os.sched_getaffinity(0)))
    if count < 2 or importlib.util.find_spec("xdist") is None:
        return []
    return ["-n", str(count)]
