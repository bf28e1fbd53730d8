"""The float64 reference of the clip transform and the writer of field-coded H.264, as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load(path: str) -> ModuleType:
    file = Path(__file__).parent / path
    spec = importlib.util.spec_from_file_location(f"video_tests_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """`reference_transform`: the recipe's picture transform in float64 numpy."""
    return _load("picture/reference_transform.py")


@pytest.fixture(scope="session")
def field_stream() -> ModuleType:
    """`field_stream`: H.264 whose pictures are coded field by field."""
    return _load("codec/field_stream.py")


@pytest.fixture(scope="session")
def editor() -> ModuleType:
    """`container_editor`: edits to the headers of containers that no muxer's option makes."""
    return _load("container_editor.py")
