"""Stretches without a model, for tests of the index: their vectors are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.index.catalogue import Stat
from videobert.index.identity import IndexIdentity
from videobert.index.new_stretches import NewStretches
from videobert.index.writer import IndexWriter

WIDTH, FEATURES = 8, 3
IDENTITY = IndexIdentity(
    model="made", weights="w" * 16, recipe="r" * 16, stride=1, width=WIDTH, feature_width=FEATURES, unit=True
)


def unit_rows(count: int, seed: int, width: int = WIDTH) -> npt.NDArray[np.float32]:
    """Rows of length one."""
    rows = np.random.default_rng(seed).standard_normal((count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def stretches(count: int = 4, seed: int = 0, **changes: Any) -> NewStretches:
    """So many of one video, of one clip each; pictures, ids and features tell which is which."""
    starts = np.arange(count) * 2.0
    made = NewStretches(
        start_s=starts,
        end_s=starts + 2,
        clips=np.ones(count, np.int64),
        shots=np.arange(count) // 2,
        percentiles=np.full(count, 50, np.float32),
        unsure=np.zeros(count, np.bool_),
        vectors=unit_rows(count, seed),
        pictures=[b"picture %d of %d" % (at, seed) for at in range(count)],
        ids=np.arange(count, dtype=np.int32) + 100 * seed,
        scores=np.full(count, 0.5, np.float32),
        sure=np.ones(count, np.bool_),
        features=np.full((count, FEATURES), seed, np.float32),
        duration_s=2.0 * count,
        percentile=50.0,
        out_of_domain=False,
    )
    return dataclasses.replace(made, **changes)


def add(writer: IndexWriter, seed: int, count: int = 4, **changes: Any) -> None:
    """Add the video `/films/SEED.mp4`."""
    writer.add(f"/films/{seed}.mp4", Stat(seed, seed), f"{seed:064x}", stretches(count, seed, **changes))


def write(folder: Path, *seeds: int, count: int = 4) -> None:
    """An index of these videos, or more of them in one that is there."""
    with IndexWriter(folder, IDENTITY) as writer:
        for seed in seeds:
            add(writer, seed, count)
