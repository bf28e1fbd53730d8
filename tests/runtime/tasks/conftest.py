"""A model on `grey_engine`, and the way to import that file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.runtime import Runtime

sys.path.insert(0, str(Path(__file__).parent))

from grey_engine import GreyEngine


@pytest.fixture
def engine() -> GreyEngine:
    return GreyEngine()


@pytest.fixture
def grey(model_folder: Path, engine: GreyEngine) -> Iterator[Runtime]:
    with Runtime(ModelFolder(model_folder), engine, Limits(max_duration_s=20_000)) as runtime:
        engine.leaves = runtime.codebook.leaves
        yield runtime
