"""What every test needs: repeatable randomness, no way out to the network, and small videos."""

from __future__ import annotations

import importlib.util
import os
import random
import socket
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests import real_everyday
from tests.needs_modeling import functions_that_need_it, installed, needs_modeling
from tests.side_by_side import room_for_a_test, side_by_side

TESTS = Path(__file__).parent
RUN_SIDE = TESTS / "runtime"
_left_out: list[Path] = []


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out, without the modeling side's libraries, the run side's test files that cannot be imported then."""
    if installed() or collection_path.suffix != ".py" or not collection_path.is_relative_to(RUN_SIDE):
        return None
    if "" in functions_that_need_it(collection_path):
        _left_out.append(collection_path)
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the run side's tests that need the modeling side, skip those without their model, say what comes first."""
    lacks_everyday = pytest.mark.skip(reason=real_everyday.REASON)
    everyday_is_here = real_everyday.is_here()
    for item in items:
        if item.get_closest_marker("everyday") and not everyday_is_here:
            item.add_marker(lacks_everyday)
        if isinstance(item, pytest.Function) and item.path.is_relative_to(RUN_SIDE):
            asked_for = (each.func for all_ in item._fixtureinfo.name2fixturedefs.values() for each in all_)
            if needs_modeling(item.function, asked_for):
                item.add_marker("modeling")
    # The files beside the rooms run whole programs: begun last, one of them would keep one process busy alone.
    items.sort(key=lambda item: item.path.parent != TESTS)


def pytest_collection_finish() -> None:
    """Let torch, if a test file has imported it, compute in one thread where another process has tests too.

    Of more threads than processors, those that wait for each other at the end of a loop take the others' time.
    """
    if side_by_side() and (torch := sys.modules.get("torch")):
        torch.set_num_threads(1)


# Around everything else, so that a test's time limit does not count while it waits.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give a test that is marked `alone` the machine to itself."""
    if not side_by_side():
        return (yield)
    with room_for_a_test(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which files were not even read."""
    for path in sorted(set(_left_out)):
        terminalreporter.write_line(f"LEFT OUT {path.relative_to(Path.cwd())}: it imports the modeling side")


@pytest.fixture(autouse=True)
def _repeatable() -> Iterator[None]:
    """Seeds the global generators before each test and puts their state back afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(0)
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)


@pytest.fixture(autouse=True)
def _scheduling_is_kept() -> Iterator[None]:
    """A thread that a test leaves behind as a real-time thread would keep those of later tests from their turns."""
    policy = os.sched_getscheduler(0)
    yield
    left, parameters = os.sched_getscheduler(0), os.sched_param(0)
    if left != policy:
        os.sched_setscheduler(0, policy, parameters)
    assert left == policy, "the test has changed how its thread is scheduled"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to reach another machine fails the test that made it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX:
            return connect(self, address)
        raise AssertionError(f"a test tried to open a connection to {address!r}")

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def factory() -> ModuleType:
    """`runtime/video/clip_factory.py`: makes small videos whose frames carry their number."""
    path = Path(__file__).parent / "runtime" / "video" / "clip_factory.py"
    spec = importlib.util.spec_from_file_location("video_tests_clip_factory", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
