"""Pixels of the world as training sees them: films go through real files and the clip recipe; both kinds are cached.

Clips and stills lie in shards of plain `.npy` files that are read as memory maps.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from videobert.base.atomic import write_atomically
from videobert.model.recipe import Recipe
from videobert_modeling.train.cached_steps import Report
from videobert_modeling.train.shapes.media import write_film
from videobert_modeling.train.shapes.render import still
from videobert_modeling.train.shapes.world import MOTIONS, TRAIN_BACKGROUNDS, Film, SceneSampler, training_films

FILMS_PER_SHARD = 16
STILLS_PER_SHARD = 1000
_RECORD = np.dtype(
    [("labels", np.int8, 4), ("film", np.int32), ("event", np.int16), ("share", np.float32), ("start_s", np.float32)]
)


@dataclass(frozen=True, slots=True)
class Shards:
    """Pictures `(n, ...)` uint8 in several files, with a record for each.

    Records hold `labels` (colour, shape, mood, motion of the event that fills most of the clip), `film`, `event`,
    `share` (the part of the clip that this event fills) and `start_s`.
    """

    pixels: tuple[npt.NDArray[np.uint8], ...]
    records: npt.NDArray[np.void]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> Shards:
        """The shards in a folder, in the order of their names."""
        paths = sorted(folder.glob("*.records.npy"))
        records = [np.load(path) for path in paths]
        pixels = tuple(np.load(_pixels_path(path), mmap_mode="r") for path in paths)
        offsets = np.cumsum([0] + [len(r) for r in records])
        return cls(pixels, np.concatenate(records), offsets)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        shard = int(np.searchsorted(self.offsets, index, side="right")) - 1
        picture: npt.NDArray[np.uint8] = self.pixels[shard][index - self.offsets[shard]]
        return picture

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Pictures at `indices`, copied into one array."""
        out = np.empty((len(indices), *self.pixels[0].shape[1:]), np.uint8)
        for row, index in enumerate(indices):
            out[row] = self[int(index)]
        return out


def write_clips(folder: Path, recipe: Recipe, count: int, seed: int, workers: int, report: Report) -> None:
    """Clips of `count` training films; shards that are there already are kept."""
    films = training_films(count, seed)
    jobs = [
        (folder, recipe, first, films[first : first + FILMS_PER_SHARD]) for first in range(0, count, FILMS_PER_SHARD)
    ]
    _run_all(_write_clip_shard, jobs, workers, report)


def write_stills(folder: Path, recipe: Recipe, count: int, seed: int, workers: int, report: Report) -> None:
    """Stills of seen combinations; shards that are there already are kept."""
    jobs = [
        (folder, recipe, first, min(STILLS_PER_SHARD, count - first), seed)
        for first in range(0, count, STILLS_PER_SHARD)
    ]
    _run_all(_write_still_shard, jobs, workers, report)


def clips_of(path: Path, recipe: Recipe) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Clips `(n, frames, crop, crop, 3)` of a video file and their start times in seconds, without a padded tail."""
    from videobert.video.open import open_clips

    with open_clips(path, recipe) as stream:
        whole = [clip for clip in stream if clip.padded_frames == 0]
    shape = (recipe.frames, recipe.crop, recipe.crop, 3)
    pixels = np.stack([clip.on_host() for clip in whole]) if whole else np.empty((0, *shape), np.uint8)
    return pixels, np.array([clip.start_s for clip in whole], np.float64)


def records_of(film: Film, number: int, start_s: npt.NDArray[np.float64], clip_s: float) -> npt.NDArray[np.void]:
    """For every clip of a film the event that fills most of it."""
    records = np.zeros(len(start_s), _RECORD)
    for record, start in zip(records, start_s, strict=True):
        overlaps = [min(start + clip_s, e.end_s) - max(start, e.start_s) for e in film.events]
        best = int(np.argmax(overlaps))
        record["labels"] = film.events[best].scene.labels()
        record["film"], record["event"] = number, best
        record["share"], record["start_s"] = overlaps[best] / clip_s, start
    return records


def _pixels_path(records: Path) -> Path:
    return records.with_name(records.name.replace(".records.", ".pixels."))


def _run_all(work: Callable[..., None], jobs: Sequence[tuple[object, ...]], workers: int, report: Report) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        futures = [pool.submit(work, *job) for job in jobs]
        for done, future in enumerate(futures, 1):
            future.result()
            report(done / len(jobs))


def _write_shard(folder: Path, first: int, pixels: npt.NDArray[np.uint8], records: npt.NDArray[np.void]) -> None:
    path = folder / f"{first:06d}.records.npy"
    # Records come last: where they are, the shard is whole.
    write_atomically(_pixels_path(path), lambda temporary: _save(temporary, pixels))
    write_atomically(path, lambda temporary: _save(temporary, records))


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _write_clip_shard(folder: Path, recipe: Recipe, first: int, films: Sequence[Film]) -> None:
    if (folder / f"{first:06d}.records.npy").exists():
        return
    pixels, records = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for number, film in enumerate(films, first):
            path = write_film(film, Path(scratch), "film")
            clips, start_s = clips_of(path, recipe)
            pixels.append(clips)
            records.append(records_of(film, number, start_s, recipe.clip_duration_s))
    _write_shard(folder, first, np.concatenate(pixels), np.concatenate(records))


def _write_still_shard(folder: Path, recipe: Recipe, first: int, count: int, seed: int) -> None:
    if (folder / f"{first:06d}.records.npy").exists():
        return
    rng = np.random.default_rng([seed, 4, first])
    deal = SceneSampler(rng, "seen")
    pixels, records = np.empty((count, recipe.crop, recipe.crop, 3), np.uint8), np.zeros(count, _RECORD)
    for row in range(count):
        scene = deal()
        while scene.motion == MOTIONS[-1]:
            scene = deal()
        pixels[row] = still(rng, scene, recipe.crop, TRAIN_BACKGROUNDS)
        records["labels"][row] = scene.labels()
    records["share"] = 1
    _write_shard(folder, first, pixels, records)
