"""Runs the builder in a child process: a crash, a hang or a hunger for memory is an error here and nothing more."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from videobert.base.errors import BuildError, EngineUnavailable
from videobert.engines.tensorrt.build.request import BuildRequest, BuildResult

OnBuild = Callable[[str, int, int], None]

_POLL_S = 0.05
_LOG_BYTES = 64 << 10
_CHILD = "videobert.engines.tensorrt.build.builder_child"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLimits:
    """What a build may take before it is stopped.

    Args:
        memory_bytes: resident memory; a large model in fp32 took 4.6 GB.
        time_s: wall time.
    """

    memory_bytes: int = 16 << 30
    time_s: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A plan, what the builder said about it, its log, and the most resident memory that the process had."""

    plan: bytes
    result: BuildResult
    log: str
    peak_memory_bytes: int


def run_build(request: BuildRequest, limits: BuildLimits, on_progress: OnBuild | None = None) -> Built:
    """Build a plan in a child process.

    Args:
        on_progress: called from this thread's wait with the phase, steps done and steps in all.

    Raises:
        BuildError: the builder refused, crashed, or passed a limit; `log` is what it wrote.
        EngineUnavailable: the library is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="videobert-build-") as folder:
        plan = Path(folder) / "plan"
        with open(Path(folder) / "log", "w+b") as log:
            child = subprocess.Popen(
                # -P: no module may come from the folder that the user happens to stand in.
                [sys.executable, "-P", "-m", _CHILD, str(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=_environment(),
                # The library writes the graph's path as it was given into the plan: the name alone, then.
                cwd=request.graph.absolute().parent,
                start_new_session=True,
            )
            try:
                events, peak, stopped = _attend(child, request, limits, on_progress)
            finally:
                _stop(child)
                for pipe in (child.stdin, child.stdout):
                    if pipe is not None:
                        pipe.close()
            text = _tail(log)
        return _outcome(request, plan, events, child.returncode, peak, stopped, text)


def _attend(
    child: subprocess.Popen[str], request: BuildRequest, limits: BuildLimits, on_progress: OnBuild | None
) -> tuple[dict[str, Any], int, str | None]:
    """Feed the child and watch it to its end: its last words, its most memory, and why it was stopped."""
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the child has no pipes")
    last: dict[str, Any] = {}
    phase: list[tuple[str, int, int]] = []
    listener = threading.Thread(target=_listen, args=(child.stdout, last, phase), daemon=True)
    listener.start()
    try:
        child.stdin.write(dataclasses.replace(request, graph=Path(request.graph.name)).to_json())
        child.stdin.close()
    except BrokenPipeError:
        pass  # it ended already; its exit code tells more
    deadline_s = time.monotonic() + limits.time_s
    peak, stopped, shown = 0, None, None
    while child.poll() is None:
        peak = max(peak, _peak_memory(child.pid))
        if peak > limits.memory_bytes:
            stopped = f"it used more than {limits.memory_bytes / 2**30:.1f} GiB of memory"
        elif time.monotonic() > deadline_s:
            stopped = f"it took longer than {limits.time_s:.0f} s"
        if stopped:
            _stop(child)
            break
        if on_progress and phase and phase[-1] != shown:
            shown = phase[-1]
            on_progress(*shown)
        time.sleep(_POLL_S)
    listener.join(timeout=5.0)
    return last, peak, stopped


def _listen(stream: IO[str], last: dict[str, Any], phase: list[tuple[str, int, int]]) -> None:
    for line in stream:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if "phase" in event:
            phase[:] = [(event["phase"], event["done"], event["total"])]
        else:
            last.update(event)


def _outcome(
    request: BuildRequest, plan: Path, events: dict[str, Any], code: int, peak: int, stopped: str | None, log: str
) -> Built:
    unavailable = events.get("unavailable")
    if unavailable:
        raise EngineUnavailable(unavailable["what"], seen=unavailable["seen"], fix=unavailable["fix"])
    if code == 0 and "result" in events and plan.is_file():
        return Built(plan=plan.read_bytes(), result=BuildResult(**events["result"]), log=log, peak_memory_bytes=peak)
    if stopped:
        why = stopped
    elif code < 0:
        why = f"it crashed ({signal.Signals(-code).name})"
    else:
        why = events.get("failed") or _last_line(log) or f"it ended with exit code {code}"
    error = BuildError(
        f"the builder of {request.target} made no engine from {request.graph.name}",
        seen=why,
        fix="The attribute `log` of this error has what the builder wrote.",
        fix_cli="--debug shows what the builder wrote.",
    )
    error.log = log
    raise error


def _environment() -> dict[str, str]:
    """The child imports this package from where it is now, however the parent came by it."""
    here = str(Path(__file__).resolve().parents[4])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _peak_memory(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return 0


def _stop(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _tail(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LOG_BYTES))
    return log.read().decode("utf-8", "replace")


def _last_line(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else ""
