"""An install without some of its modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes modules unimportable, and what was imported with them forgotten."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("videobert_modeling")}

    def hide(*names: str) -> None:
        for name in before:
            sys.modules.pop(name)
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    yield hide
    for name in [name for name in sys.modules if name.startswith("videobert_modeling")]:
        sys.modules.pop(name)
    sys.modules.update(before)
