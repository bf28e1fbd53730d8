"""Child processes that end in time: each leads a group of its own, which is ended whole; none outlives the suite."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.gpu.case import tiny

ROOT: Final = Path(__file__).resolve().parents[2]
_DIE_WITH_PARENT: Final = 1  # prctl's PR_SET_PDEATHSIG, of linux/prctl.h
_LIBC: Final = ctypes.CDLL(None)
# Starting Python, torch, the kernels and a CUDA context.
START_S: Final = 90.0


def environment_of(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a child sees: every package of this tree can be imported, installed or not."""
    folders = [str(ROOT), *(str(ROOT / folder) for folder in ("runtime", "modeling", "kernels"))]
    path = os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(settings or {})}


class Child:
    """A command whose output is kept in a file, so that it can say as much as it likes.

    Args:
        command: started in the root of the tree.
        settings: environment variables, on top of this process's.
        pipes: whether it gets a pipe as its input.
        pass_fds: descriptors that stay open in it.
    """

    def __init__(
        self,
        command: Sequence[str],
        settings: Mapping[str, str] | None = None,
        *,
        pipes: bool = False,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._lines: list[str] = []
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment_of(settings),
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=_die_with_the_suite,
            text=True,
        )

    def said(self) -> list[str]:
        """Lines of what it printed so far."""
        if not self._said.closed:
            self._said.seek(0)
            self._lines = self._said.read().splitlines()
        return self._lines

    @property
    def seconds(self) -> float:
        """Since its start."""
        return round(time.monotonic() - self.started_s, 1)

    def end(self) -> None:
        """Kill it with all that it started, and keep what it said; one that has ended is left as it is."""
        if self.process.poll() is None:
            # Its group is its own: it leads a session that it has not left.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.said()
        self._said.close()
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()


def _die_with_the_suite() -> None:
    # A suite that is killed cannot end its children; the kernel does.
    _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


class Worker:
    """A process that answers one request after another; it is replaced when one costs it its life.

    Starting Python, torch and a CUDA context anew for each part would take a quarter of the suite's time.

    Args:
        alone: whether `videobert` must not be importable in it, as the kernels stand alone.
        start_s: longest time from the start of the process to its first word.
        module: what it runs.
    """

    def __init__(self, *, alone: bool, start_s: float = START_S, module: str = "benchmarks.gpu.worker") -> None:
        self._alone, self._start_s, self._module = alone, start_s, module
        self._child: Child | None = None
        self._ready = False
        self._answers = -1
        self._kept = b""

    def ask(self, request: Mapping[str, str], seconds: float, within_s: float = float("inf")) -> dict[str, Any]:
        """The row that answers a request, or what became of the process: its verdict is then `"failed"` or `"ended"`.

        Args:
            request: see `benchmarks.gpu.worker.answer`.
            seconds: longest time for the answer, from when the process is ready.
            within_s: longest time for all of it, the start of a process among it.
        """
        end_s = time.monotonic() + within_s
        try:
            child = self._child or self.start()
            if not self._ready:
                self._next(min(self._start_s, within_s))
                self._ready = True
            if child.process.stdin is not None:
                child.process.stdin.write(json.dumps(request) + "\n")
                child.process.stdin.flush()
            row = self._next(min(seconds, end_s - time.monotonic()))
        except TimeoutError as error:
            self.close()
            return {"verdict": "ended", "error": str(error)}
        except (ChildProcessError, BrokenPipeError):
            code, said = self._last_words()
            self.close()
            return {"verdict": "failed", "error": f"the process ended with {code}: {said}"}
        if row.pop("context_lost", False):
            self.close()
        return row

    def close(self) -> None:
        """End the process, if there is one."""
        if self._child is not None:
            self._child.end()
            os.close(self._answers)
            self._child, self._ready, self._kept = None, False, b""

    def _last_words(self) -> tuple[int | None, str]:
        """How the process ended, whose pipe closes a moment before, and what it said at the end."""
        if self._child is None:
            return None, ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.process.wait(5)
        return self._child.process.poll(), " ".join(self._child.said())[-600:]

    def start(self) -> Child:
        """Start the process, and wait for nothing: the next request does."""
        self._answers, theirs = os.pipe()
        command = [sys.executable, "-m", self._module, str(theirs), *(["--alone"] if self._alone else [])]
        try:
            # Without a GPU kernels are interpreted where they are what is measured; the product would take minutes.
            settings = {"TRITON_INTERPRET": "1"} if tiny() and self._alone else {}
            self._child = Child(command, settings, pipes=True, pass_fds=(theirs,))
        finally:
            os.close(theirs)
        return self._child

    def _next(self, seconds: float) -> dict[str, Any]:
        end_s = time.monotonic() + seconds
        while b"\n" not in self._kept:
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not select.select([self._answers], [], [], left_s)[0]:
                raise TimeoutError(f"over its budget of {seconds:.0f} s")
            new = os.read(self._answers, 1 << 16)
            if not new:
                raise ChildProcessError
            self._kept += new
        line, self._kept = self._kept.split(b"\n", 1)
        row: dict[str, Any] = json.loads(line)
        return row
