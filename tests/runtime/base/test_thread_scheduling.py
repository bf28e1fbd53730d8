"""Threads that were made real-time threads, the caller among them, are so no longer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from videobert.base.thread_scheduling import kept_scheduling

REAL_TIME, PARAMETERS = os.SCHED_FIFO, os.sched_param(1)


def may_be_real_time() -> bool:
    try:
        os.sched_setscheduler(0, REAL_TIME, PARAMETERS)
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


pytestmark = pytest.mark.skipif(not may_be_real_time(), reason="real-time threads are not allowed here")


def real_time_threads() -> set[int]:
    threads = {int(task.name) for task in Path("/proc/self/task").iterdir()}
    return {thread for thread in threads if os.sched_getscheduler(thread) != os.SCHED_OTHER}


@pytest.fixture
def idle() -> Iterator[Any]:
    """Starts a thread that waits, and gives its id."""
    done, started = threading.Event(), []

    def start() -> int:
        thread = threading.Thread(target=done.wait)
        thread.start()
        started.append(thread)
        return thread.native_id

    yield start
    done.set()
    for thread in started:
        thread.join()


def test_this_thread_and_new_ones_have_it_back(idle: Any) -> None:
    with kept_scheduling():
        os.sched_setscheduler(0, REAL_TIME, PARAMETERS)
        begun = idle()
        assert begun in real_time_threads()
    assert not real_time_threads()


def real_time_until_an_error() -> None:
    with kept_scheduling():
        os.sched_setscheduler(0, REAL_TIME, PARAMETERS)
        raise ZeroDivisionError


def test_it_comes_back_from_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError):
        real_time_until_an_error()
    assert not real_time_threads()


def test_threads_from_before_keep_theirs(idle: Any) -> None:
    other = idle()
    os.sched_setscheduler(other, REAL_TIME, PARAMETERS)
    with kept_scheduling():
        os.sched_setscheduler(0, REAL_TIME, PARAMETERS)
    assert real_time_threads() == {other}


def test_a_caller_that_is_a_real_time_thread_stays_the_one_that_it_was(idle: Any) -> None:
    os.sched_setscheduler(0, REAL_TIME, PARAMETERS)
    try:
        with kept_scheduling():
            os.sched_setscheduler(0, REAL_TIME, os.sched_param(2))
            begun = idle()
        for thread in (0, begun):
            assert os.sched_getscheduler(thread) == REAL_TIME
            assert os.sched_getparam(thread).sched_priority == PARAMETERS.sched_priority
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
