"""What every test needs: repeatable randomness, no way out to the network, and small videos."""

from __future__ import annotations

import importlib.util
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


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
