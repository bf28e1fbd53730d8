"""The house that stands here, and a copy of it in which a test may plant what should not be."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.architecture.house import House


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def copy(tmp_path: Path) -> House:
    return House().copy(tmp_path)
