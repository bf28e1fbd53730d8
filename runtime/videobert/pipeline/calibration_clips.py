"""The clips that a model is calibrated on, and whether there are enough of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips


def whole_clips(recipe: Recipe, videos: Sequence[str | Path]) -> Iterator[npt.NDArray[Any]]:
    """The clips of videos that are no shorter than the others.

    Raises:
        InputError, DecodeError: a video cannot be read.
    """
    for video in videos:
        with open_clips(video, recipe) as stream:
            for clip in stream:
                if clip.padded_frames == 0:
                    yield clip.on_host()


def check_enough(recipe: Recipe, videos: Sequence[str | Path], least: int, purpose: str) -> None:
    """Refuse videos that hold too few whole clips; no more of them is read than answers that.

    Raises:
        InputError, DecodeError: see `whole_clips` and `too_few`.
    """
    count = sum(1 for _ in islice(whole_clips(recipe, videos), least))
    if count < least:
        raise too_few(purpose, count, least)


def too_few(purpose: str, count: int, least: int) -> InputError:
    """The error of too few clips for a purpose, such as `to calibrate int8 with`."""
    return InputError(
        f"too few clips {purpose}", seen=count, allowed=f"{least} or more", fix="Give more videos, or longer ones."
    )
