"""A small model, films of one colour each, and what is learned of them; made once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tests.side_by_side import made_once
from tests.small_model import mp4, write_small_model

from videobert.video.source.frame_array import FrameArray
from videobert_modeling.learn import Learned, learn

COLOURS = {"dark": (20, 30, 40), "light": (230, 220, 240)}


class Lesson(NamedTuple):
    """A model, data about films that lie beside it, and what was learned."""

    model: Path
    data: Path
    features: Path
    learned: Learned


def film(colour: tuple[int, int, int], seed: int, seconds: float = 3.0) -> bytes:
    """One colour with a little noise, ten frames a second."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(-10, 11, (round(seconds * 10), 64, 64, 3)) + np.array(colour)
    return mp4(FrameArray(frames.clip(0, 255).astype(np.uint8), np.arange(len(frames)) / 10))


def write_data(folder: Path, per_label: int = 4) -> Path:
    """`data.jsonl` and its films: two labels of the question `shade`."""
    lines = []
    for label, colour in COLOURS.items():
        for number in range(per_label):
            name = f"{label}{number}.mp4"
            (folder / name).write_bytes(film(colour, seed=hash((number, colour)) % 1000))
            lines.append({"video": name, "start": 0, "end": 3, "labels": {"shade": label}})
    path = folder / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "small-model", write_small_model)


@pytest.fixture(scope="session")
def unbuilt_model(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as an import and a clustering leave it."""
    folder = tmp_path_factory.mktemp("learn") / "unbuilt"
    shutil.copytree(small_model, folder, ignore=shutil.ignore_patterns("graphs", "manifest.json"))
    return folder


@pytest.fixture(scope="session")
def lesson(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    desk = tmp_path_factory.mktemp("lesson")
    data = write_data(desk)
    learned = learn(small_model, data, desk / "taught", features=desk / "features")
    return Lesson(small_model, data, desk / "features", learned)
