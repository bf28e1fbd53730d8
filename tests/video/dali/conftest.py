"""DALI's tests need the package; those of the index that feeds it do not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def dali() -> None:
    """Skips the test where DALI is not installed; `make test` installs it."""
    try:
        found = importlib.util.find_spec("nvidia.dali") is not None
    except ImportError:
        found = False
    if not found:
        pytest.skip("the extra dali is not installed")


@pytest.fixture(scope="session")
def made(factory: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`write_clip` under a name, each clip made once."""
    folder, done = tmp_path_factory.mktemp("clips"), {}

    def make(name: str, **options: Any) -> Path:
        if name not in done:
            done[name] = factory.write_clip(folder / name, **options)
        return done[name]

    return make
