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
    turn. Only where this thread comes back with another scheduling are others looked at; elsewhere than on Linux none.
    """
    if sys.platform != "linux":
        yield
        return
    given = _scheduling()
    before = _threads()
    try:
        yield
    finally:
        if _scheduling() != given:
            policy, priority = given
            for thread in {0} | _threads() - before:
                # It may have ended since.
                with suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, policy, os.sched_param(priority))


def _scheduling() -> tuple[int, int]:
    """Policy and priority of this thread."""
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def _threads() -> set[int]:
    """Of this process; none where `/proc` is not there."""
    return {int(task.name) for task in _TASKS.iterdir()} if _TASKS.is_dir() else set()
