"""Clips of films that lie elsewhere than the recipe would lay them: at other times, cut elsewhere, some mirrored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert import open_clips
from videobert.base.errors import VideoBertError
from videobert.model.recipe import Recipe

Clip = npt.NDArray[np.uint8]

# The square that a window is cut out of is larger than a clip by one seventh.
_ROOM = 7
_MOST_CLIPS = 12


def split(films: Sequence[Path], every: int = 5) -> tuple[list[Path], list[Path]]:
    """Films to make points on, and films to judge them on: none is in both."""
    ordered = sorted(films)
    return ordered[::every], [film for number, film in enumerate(ordered) if number % every]


def whole_clips(film: Path, recipe: Recipe, most: int) -> list[Clip]:
    """Clips as the recipe lays them, uint8 `(frames, side, side, 3)`."""
    try:
        with open_clips(film, recipe) as stream:
            return [clip.on_host() for clip in islice(stream, most) if clip.padded_frames == 0]
    except VideoBertError as error:
        print(film.name, error)
        return []


def windows(film: Path, recipe: Recipe, count: int) -> Iterator[Clip]:
    """So many windows of a film, the same in every run; none of a film that is shorter than a clip."""
    wider = replace(
        recipe, short_side=recipe.short_side * (_ROOM + 1) // _ROOM, crop=recipe.crop * (_ROOM + 1) // _ROOM
    )
    clips = whole_clips(film, wider, _MOST_CLIPS)
    if not clips:
        return
    frames = np.concatenate(clips)
    dice = np.random.default_rng(int.from_bytes(hashlib.sha256(film.name.encode()).digest()[:8], "little"))
    for _ in range(count):
        start = int(dice.integers(len(frames) - recipe.frames + 1))
        top, left = (int(each) for each in dice.integers(wider.crop - recipe.crop + 1, size=2))
        window = frames[start : start + recipe.frames, top : top + recipe.crop, left : left + recipe.crop]
        yield np.ascontiguousarray(window[:, :, ::-1] if dice.random() < 0.5 else window)
