"""How threads are scheduled, kept: run as root, SVT-AV1 makes real-time threads of its own and of its caller."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def kept_scheduling() -> Iterator[None]:
    """Give this thread, and those that begin meanwhile, the scheduling back that this one has now.

    Real-time threads take every processor that they can use: nothing else here, other programs among them, would get a
    turn. Only where this thread comes back with another policy are others looked at; elsewhere than on Linux none is.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    before = _threads()
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
            for thread in _threads() - before:
                # It may have ended since.
                with suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    return {int(task.name) for task in _TASKS.iterdir()}
