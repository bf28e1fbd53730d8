"""Samples put together to clips, one clip after the other."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.model.recipe import Recipe
from videobert.video.clip import Clip
from videobert.video.decoders.decoder import FrameReference, GaveUp, TimedFrame
from videobert.video.picture.transform import PictureTransform
from videobert.video.sampling import SampleGrid


class FrameOnScreen:
    """The frame on screen; converted when a sample first needs it, and once."""

    def __init__(self, timed: TimedFrame, time: Fraction, transform: PictureTransform) -> None:
        self.time = time
        self._timed = timed
        self._transform = transform
        self._square: npt.NDArray[np.uint8] | None = None

    def put(self, frames: npt.NDArray[Any], slot: int) -> None:
        """Write the converted picture to a clip: straight there the first time, a copy of that later."""
        picture = self._timed.picture
        if picture is None:
            raise GaveUp("a clip needs a frame that was left out")
        if isinstance(picture, FrameReference):
            frames[slot] = picture
        elif self._square is None:
            self._square = self._transform(picture, frames[slot], self._timed.sequence)
        else:
            frames[slot] = self._square

    def let_go(self) -> None:
        """Keep an own copy: the memory that the picture was written to is now the caller's to change."""
        if self._square is not None:
            self._square = self._square.copy()


class ClipAssembly:
    """Fills one clip after the other with samples in order: with pictures, or with references to them."""

    def __init__(self, grid: SampleGrid, recipe: Recipe, references: bool) -> None:
        self._grid = grid
        self._recipe = recipe
        self._clip_recipe = recipe.clip_hash
        self._references = references
        self._filled = 0
        self._index = 0
        self._frames: npt.NDArray[Any] | None = None
        self._times: npt.NDArray[np.float64] | None = None

    def at_boundary(self, sample: int) -> bool:
        """Whether this sample is the last of a clip, kept or not."""
        return (sample + 1) % self._recipe.frames == 0

    def place(self, sample: int, shown: FrameOnScreen) -> Clip | None:
        """Put a frame where a sample is; the clip if that completes one that the stride keeps."""
        index, slot = divmod(sample, self._recipe.frames)
        if index % self._recipe.stride:
            return None
        if self._frames is None or self._times is None:
            side, count = self._recipe.crop, self._recipe.frames
            self._index = index
            self._frames = (
                np.empty(count, np.object_) if self._references else np.empty((count, side, side, 3), np.uint8)
            )
            self._times = np.empty(self._recipe.frames, np.float64)
        shown.put(self._frames, slot)
        self._times[slot] = float(shown.time)
        self._filled = slot + 1
        if self._filled < self._recipe.frames:
            return None
        shown.let_go()
        return self._emit(0, None)

    def rest(self, end: Fraction, shown: FrameOnScreen) -> Clip | None:
        """The last clip, if the video does not fill it: padded with its last frame."""
        if self._frames is None or self._times is None:
            return None
        missing = self._recipe.frames - self._filled
        for slot in range(self._filled, self._recipe.frames):
            shown.put(self._frames, slot)
        self._times[self._filled :] = float(shown.time)
        return self._emit(missing, end)

    def _emit(self, padded_frames: int, end: Fraction | None) -> Clip:
        if self._frames is None or self._times is None:
            raise RuntimeError("there is no clip to give")
        start = self._grid.time(self._index * self._recipe.frames)
        full = self._grid.time((self._index + 1) * self._recipe.frames)
        clip = Clip(
            index=self._index,
            start_s=float(start),
            end_s=float(full if end is None else min(full, end)),
            frames=self._frames,
            times_s=self._times,
            padded_frames=padded_frames,
            stride=self._recipe.stride,
            clip_recipe=self._clip_recipe,
        )
        self._frames = self._times = None
        return clip
