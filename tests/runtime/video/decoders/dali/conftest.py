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
    done: dict[str, Path] = {}

    def make(name: str, **options: Any) -> Path:
        key = f"{name} {options}"
        if key not in done:
            done[key] = factory.write_clip(tmp_path_factory.mktemp("made") / name, **options)
        return done[key]

    return make
