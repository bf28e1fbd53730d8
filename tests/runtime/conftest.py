"""A small model folder, made once, loaded once, and videos to go with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.side_by_side import made_once
from tests.small_model import frames_of, write_small_model

from videobert.runtime import Runtime, load
from videobert.video.source.frame_array import FrameArray


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; read only. VIDEOBERT_TESTS_MODEL names one that was made before, for where there is no torch."""
    made_before = os.environ.get("VIDEOBERT_TESTS_MODEL")
    if made_before:
        return Path(made_before).resolve()
    return made_once(tmp_path_factory, "small-model", write_small_model)


@pytest.fixture(scope="session")
def make_video() -> Callable[..., FrameArray]:
    return frames_of


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache", numbered=True) / "compiled"


@pytest.fixture(scope="session")
def model(model_folder: Path, cache_dir: Path) -> Iterator[Runtime]:
    """The folder, loaded in fp32."""
    with load(model_folder, cache_dir=cache_dir, precision="fp32") as runtime:
        yield runtime
