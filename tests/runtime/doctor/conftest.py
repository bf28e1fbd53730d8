"""An install in which packages cannot be found."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes modules impossible to find."""
    found = importlib.util.find_spec

    def hidden(*names: str) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else found(name))

    return hidden
