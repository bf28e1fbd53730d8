"""What processes of pytest-xdist share: the machine, which a test may need to itself, and what is made once for all.

A test enters a room by a door. One that is marked `alone` waits until the room is empty and keeps the door shut until
it is done; any other shuts the door behind itself only while it enters, so that no one who waits is overtaken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Files that are there for all processes: they are locked, and neither read nor written.
_DOOR = Path(__file__)
_ROOM = Path(__file__).with_name("conftest.py")
_WORKSHOP = Path(__file__).with_name("small_model.py")


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open("rb") as file:
        fcntl.flock(file, how)
        try:
            yield
        finally:
            # Closing is not enough where a process that a test forked holds the file too.
            fcntl.flock(file, fcntl.LOCK_UN)


def side_by_side() -> bool:
    """Whether this process is one of several."""
    return "PYTEST_XDIST_WORKER" in os.environ


@contextlib.contextmanager
def room_for_a_test(*, alone: bool) -> Iterator[None]:
    """Waits for the tests of other processes as long as needed; they wait for this one if it is `alone`."""
    with contextlib.ExitStack() as leave:
        with contextlib.ExitStack() as shut:
            shut.enter_context(_locked(_DOOR, fcntl.LOCK_EX))
            leave.enter_context(_locked(_ROOM, fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
            if alone:
                leave.enter_context(shut.pop_all())
        yield


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, for all processes and all tests of a session; they only read it."""
    base = factory.getbasetemp()
    folder = (base.parent if side_by_side() else base) / name
    with _locked(_WORKSHOP, fcntl.LOCK_EX):
        if not folder.exists():
            unfinished = factory.mktemp(name)
            make(unfinished)
            unfinished.rename(folder)
    return folder
