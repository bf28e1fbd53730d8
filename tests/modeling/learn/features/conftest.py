"""Short films and a backbone whose features can be foreseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tests.small_model import frames_of, mp4

from videobert.model.recipe import Recipe
from videobert_modeling.codebooks.backbone_source import BackboneSource

# A clip is 1.5 s.
RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48, stride=2)


class Counting(NamedTuple):
    """A backbone, how often it was opened and closed, and what it gave."""

    source: BackboneSource
    opened: list[str]
    calls: list[np.ndarray]
    fails: list[BaseException]


@pytest.fixture
def backbone() -> Counting:
    opened: list[str] = []
    calls: list[np.ndarray] = []
    fails: list[BaseException] = []

    def run(clips: np.ndarray) -> np.ndarray:
        if fails and len(calls) == 2:
            raise fails[0]
        calls.append(clips.astype(np.float32).mean(axis=(1, 2, 3)))
        return calls[-1]

    def start() -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[], None]]:
        opened.append("open")
        return run, lambda: opened.append("closed")

    return Counting(BackboneSource(recipe=RECIPE, hash="b" * 16, open=start), opened, calls, fails)


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    def write(seconds: float, seed: int = 0) -> Path:
        path = tmp_path / f"{seed}-{seconds}.mp4"
        path.write_bytes(mp4(frames_of(seconds, seed)))
        return path

    return write
