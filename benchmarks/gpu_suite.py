"""Every GPU test and every GPU figure in one command of under eight minutes, and one JSON file of the results.

    python benchmarks/gpu_suite.py OUT.json              needs a GPU, torch >= 2.11, triton >= 3.6, numpy, pytest
    python benchmarks/gpu_suite.py OUT.json --dry-run    no GPU: builds and checks every case at a tiny size

Parity comes before time: a case whose answer is wrong has no speed. A case that fails, crashes or does not come back
costs its own row and nothing else. Exit code 0: everything ran and every answer was right (a missed bar is a result,
not a failure); 1: something failed; 4: there is no GPU, and nothing was measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels")]

FORMAT: Final = 1
FAMILIES: Final = ("benchmarks.gpu.attention", "benchmarks.gpu.nearest_centroid", "benchmarks.gpu.encoder")
TOTAL_S: Final = 470.0
TESTS_S: Final = 220.0
# Starting Python, torch and a CUDA context.
_START_S: Final = 60.0
# What a case may take beyond its budget before its process is ended: a last round of timing.
_GRACE: Final = 0.5
_GRACE_S: Final = 1.0
# How a worker ends after a case that left the GPU context unusable.
_CONTEXT_LOST: Final = 3
_COUNTS: Final = re.compile(r"(\d+) (passed|failed|skipped|errors?|deselected)")


def main(arguments: Sequence[str] | None = None) -> int:
    """See the top of the file."""
    asked = _parser().parse_args(arguments)
    if asked.worker:
        from benchmarks.gpu import worker

        worker.main(asked.worker, asked.out, asked.skip, asked.only)
        return 0
    if asked.dry_run:
        os.environ.update(VIDEOBERT_DRY_RUN="1", TRITON_INTERPRET="1", CUDA_VISIBLE_DEVICES="")
    from benchmarks.gpu.environment import clocks, environment

    started_s = time.monotonic()
    deadline_s = started_s + asked.total_s
    result: dict[str, Any] = {"format": FORMAT, "dry_run": asked.dry_run, "environment": environment(asked.commit)}
    if result["environment"]["device"] is None and not asked.dry_run:
        print("there is no GPU here: nothing was measured", file=sys.stderr)
        return 4
    result["tests"] = tests(asked, min(asked.tests_s, asked.total_s))
    _say(f"tests: {result['tests'].get('summary') or result['tests']['reason']}")
    result["figures"] = []
    for family in asked.families:
        rows = figures(family, asked.only, deadline_s)
        result["figures"] += rows
        for row in rows:
            _say(_line(row))
    result["clocks_after"] = clocks()
    result["sanitizer"] = sanitizer(asked)
    result["probes"] = probes(asked)
    for name, probe in result["probes"].items():
        _say(f"{name}: {probe['state']}: {probe.get('result') or probe.get('reason')}")
    result["seconds"] = round(time.monotonic() - started_s, 1)
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _say(f"{asked.out}: {len(result['figures'])} figures in {result['seconds']:.0f} s")
    return 0 if good(result) else 1


def good(result: Mapping[str, Any]) -> bool:
    """Whether everything that was to run ran, and no answer was wrong."""
    failed = [row for row in result["figures"] if row["verdict"] in {"failed", "parity is red", "not reached"}]
    probed = [found["state"] for found in result.get("probes", {}).values()]
    steps = [result[step]["state"] for step in ("tests", "sanitizer")]
    return not failed and "failed" not in probed and all(state in {"passed", "left out"} for state in steps)


def tests(asked: argparse.Namespace, budget_s: float) -> dict[str, Any]:
    """All kernel tests on the GPU, in a process of their own."""
    if asked.dry_run or asked.no_tests:
        return {"state": "left out", "reason": "not asked for" if asked.no_tests else "a dry run has no GPU"}
    if importlib.util.find_spec("pytest") is None:
        return {"state": "not run", "reason": "pytest is not installed here"}
    command = [sys.executable, "-m", "pytest", "-m", "not slow", "--confcutdir", "tests/kernels", "tests/kernels"]
    if importlib.util.find_spec("pytest_timeout") is None:
        # The project's setting is for a plugin that need not be here; pytest warns about it and goes on.
        command += ["-W", "ignore::pytest.PytestConfigWarning"]
    from benchmarks.gpu.probes import in_parallel

    command += in_parallel()
    return _checked(command, budget_s, {"VIDEOBERT_NEEDS_GPU": "1"})


def sanitizer(asked: argparse.Namespace) -> dict[str, Any]:
    """Kernel tests under compute-sanitizer, if time was given for it."""
    if asked.dry_run or not asked.sanitizer_s:
        return {"state": "left out", "reason": "not asked for"}
    tool = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
    if tool is None:
        return {"state": "not run", "reason": "compute-sanitizer is not installed here"}
    command = [tool, "--tool", asked.sanitizer_tool, "--error-exitcode", "9", "--target-processes", "all"]
    command += [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-m",
        "not slow",
        "-k",
        "not _graph_",
        "--confcutdir",
        "tests/kernels",
        "tests/kernels",
    ]
    # Without torch's caching allocator a buffer ends where the tool sees it end; nothing can then be captured.
    settings = {"VIDEOBERT_NEEDS_GPU": "1", "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    return {"tool": asked.sanitizer_tool} | _checked(command, asked.sanitizer_s, settings)


def probes(asked: argparse.Namespace) -> dict[str, Any]:
    """What the machine can do with the whole product, if time was given for it; each probe in its own process."""
    found: dict[str, Any] = {}
    end_s = time.monotonic() + asked.probes_s
    for name in asked.probes:
        seconds = end_s - time.monotonic()
        if asked.dry_run or not asked.probes_s:
            found[name] = {"state": "left out", "reason": "not asked for"}
        elif seconds <= 0:
            found[name] = {"state": "not reached", "reason": "the time for probes is up"}
        else:
            found[name] = probe(name, seconds)
    return found


def probe(name: str, seconds: float) -> dict[str, Any]:
    """What one probe prints, or how its process ended without printing it."""
    folders = [str(ROOT / folder) for folder in ("runtime", "modeling", "kernels")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "benchmarks.gpu.probes", name]
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"state": "failed", "reason": f"over its budget of {seconds:.0f} s"}
    if done.returncode:
        return {"state": "failed", "reason": f"ended with {done.returncode}: " + " ".join(done.stderr.split())[-600:]}
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return last


def _checked(command: Sequence[str], budget_s: float, settings: Mapping[str, str]) -> dict[str, Any]:
    started_s = time.monotonic()
    env = {**os.environ, **settings, "PYTHONPATH": str(ROOT / "kernels")}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=subprocess.STDOUT)
        try:
            code: int | None = process.wait(budget_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        said.seek(0)
        lines = said.read().splitlines()
    counts = {
        what.rstrip("s") if what == "errors" else what: int(n) for n, what in _COUNTS.findall("\n".join(lines[-1:]))
    }
    state = "passed" if code == 0 else "ended: over its budget" if code is None else "failed"
    result: dict[str, Any] = {
        "state": state,
        "exit_code": code,
        "seconds": round(time.monotonic() - started_s, 1),
        "counts": counts,
    }
    result["summary"] = f"{state}; {lines[-1] if lines else 'no output'}"
    if code != 0:
        result["tail"] = lines[-60:]
    return result


def figures(family: str, only: str, deadline_s: float) -> list[dict[str, Any]]:
    """One row for each case of a family, whatever becomes of the processes that run them."""
    rows: list[dict[str, Any]] = []
    while (seconds := deadline_s - time.monotonic()) > 0:
        new, finished = _worked(family, only, [row["name"] for row in rows], seconds)
        rows += new
        if finished:
            return rows
    return [*rows, {"name": f"{family}: the rest", "verdict": "not reached", "error": "the time for the suite is up"}]


def _worked(family: str, only: str, done: Sequence[str], seconds: float) -> tuple[list[dict[str, Any]], bool]:
    """Rows of one process, and whether there is nothing left for another one."""
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, "rows"), Path(folder, "errors")
        out.touch()
        command = [sys.executable, str(Path(__file__).resolve()), str(out), "--worker", family, "--only", only]
        command += [word for name in done for word in ("--skip", name)]
        with errors.open("w") as said:
            process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
            why = _watched(process, out, seconds)
        if why is None and process.returncode not in (0, _CONTEXT_LOST):
            why = f"the process ended with {process.returncode}: " + " ".join(errors.read_text().split())[-600:]
        lines = _lines(out)
    rows = [row for row in lines if "name" in row]
    started = [row["started"] for row in lines if "started" in row]
    if why is not None:
        unfinished = started[len(rows) :]
        rows.append({"name": unfinished[0] if unfinished else family, "verdict": "failed", "error": why})
        # A process that failed outside any case would fail again.
        return rows, not unfinished
    return rows, process.returncode == 0


def _watched(process: subprocess.Popen[bytes], out: Path, seconds: float) -> str | None:
    """Wait for a process, and end it when a case or the whole suite takes too long; the reason, if it was ended."""
    end_s = time.monotonic() + seconds
    count, since_s, budget_s = 0, time.monotonic(), _START_S
    while process.poll() is None:
        lines = _lines(out)
        if len(lines) != count:
            count, since_s = len(lines), time.monotonic()
            budget_s = lines[-1].get("budget_s", _START_S) * (1 + _GRACE) + _GRACE_S
        now_s = time.monotonic()
        if now_s > end_s or now_s > since_s + budget_s:
            process.kill()
            process.wait()
            return "the time for the suite is up" if now_s > end_s else f"over its budget of {budget_s:.0f} s"
        time.sleep(0.05)
    return None


def _lines(path: Path) -> list[dict[str, Any]]:
    # A line without its end is still being written.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def _line(row: Mapping[str, Any]) -> str:
    if row.get("ratio") is None:
        return f"{row['name']}: {row['verdict']}" + (f": {row['error']}" if "error" in row else "")
    ratio, ours = row["ratio"], row["ours_ms"]["median"]
    return (
        f"{row['name']}: {ours:.4g} ms, {ratio['median']:.2f}x ({ratio['q1']:.2f}–{ratio['q3']:.2f}) of "
        f"{row['fastest_rival']}; bar {row['bar_text']}: {row['verdict']}; parity {row['parity']}"
    )


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    from benchmarks.gpu.probes import PROBES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the JSON file to write")
    parser.add_argument("--dry-run", action="store_true", help="no GPU: tiny sizes through the interpreter, no times")
    parser.add_argument(
        "--families", nargs="*", default=FAMILIES, metavar="MODULE", help="modules with cases; all of ours if not given"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name contains this")
    parser.add_argument("--no-tests", action="store_true", help="leave the kernel tests out")
    parser.add_argument("--tests-s", type=float, default=TESTS_S, help="longest time for the kernel tests")
    parser.add_argument("--total-s", type=float, default=TOTAL_S, help="longest time for tests and figures together")
    parser.add_argument("--sanitizer-s", type=float, default=0.0, help="time for compute-sanitizer, after the rest")
    parser.add_argument(
        "--sanitizer-tool", default="memcheck", choices=["memcheck", "racecheck", "initcheck", "synccheck"]
    )
    parser.add_argument(
        "--probes-s",
        type=float,
        default=0.0,
        help="time for probes of the whole product; needs videobert",
    )
    parser.add_argument("--probes", nargs="+", default=list(PROBES), choices=PROBES, help="which; all if not given")
    parser.add_argument("--commit", help="of the tree, where there is no repository around it")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--skip", action="append", default=[], help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
