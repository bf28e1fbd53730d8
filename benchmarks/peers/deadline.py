"""Work that ends when its time is up, wherever it stands: a peer may compile for longer than anyone foresaw."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

# A library may swallow what a handler raises, in a callback: then it is raised again.
_AGAIN_S: Final = 1.0


class TimeUp(BaseException):
    """The time is up. No `Exception`, so that a library that handles those of its own does not handle this one."""


@contextmanager
def deadline(until_s: float) -> Iterator[None]:
    """Raises `TimeUp` inside the block once the time has come; in the main thread alone.

    A call into a library ends first, if it does not come back to Python meanwhile.

    Args:
        until_s: of `time.monotonic()`; infinite for none.
    """
    if until_s == float("inf"):
        yield
        return
    open_ = True

    def ring(number: int, frame: FrameType | None) -> None:
        if open_:
            raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, until_s - time.monotonic()), _AGAIN_S)
    try:
        yield
    finally:
        open_ = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
