"""Clips that the caller opened in place of a video: held against a recipe before a model sees them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator

import numpy as np

from videobert.base.arguments import as_number, as_whole, described
from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, MismatchError
from videobert.base.limits import Limits, check_duration
from videobert.model.recipe import STRIDES, Recipe
from videobert.video.clip import Clip
from videobert.video.decoders.numpy_decoder import TOLERANCE_S
from videobert.video.device_frames import DeviceFrames
from videobert.video.info import VideoInfo
from videobert.video.stream import ClipStream, Progress

_NO_FRAMES, _NO_TIMES = np.empty((0, 0, 0, 3), np.uint8), np.empty(0)


class GivenClips(Iterator[Clip]):
    """Clips of one video, in order and without a gap, as `open_clips` gives them; each is checked when its turn comes.

    Args:
        clips: the clips; they stay the caller's to close.
        recipe: of the model that is to see them.
        stride: every how many clips of the video one is wanted; None for those that are there.
        limits: `max_duration_s` holds.
        on_progress, cancel: as in `open_clips`.

    Attributes:
        live, given: as in `ClipStream`.

    Raises:
        MismatchError: they were made with another recipe.
        InputError: what comes is no clip of the recipe's form, is out of its place or time, or does not fit `stride`.
        LimitExceeded: they last too long.
        Cancelled: once `cancel` is set.
    """

    def __init__(
        self,
        clips: Iterable[Clip],
        recipe: Recipe,
        stride: int | None,
        *,
        live: bool,
        limits: Limits,
        on_progress: Progress | None,
        cancel: threading.Event | None,
    ) -> None:
        self.given = True
        self._clips = enumerate(clips)
        self._stream = clips if isinstance(clips, ClipStream) else None
        self._recipe, self._wanted, self._limits = recipe, stride, limits
        self._on_progress, self._cancel = on_progress, cancel
        self._first: Clip | None = None
        self._last: Clip | None = None
        self.live = live

    @property
    def info(self) -> VideoInfo | None:
        """Properties of the video, if the clips come from a stream that knows them."""
        return None if self._stream is None else self._stream.info

    @property
    def stride(self) -> int:
        """Every how many clips of the video one is given; known when the first clip was."""
        return self._wanted or (1 if self._first is None else self._first.stride)

    def __next__(self) -> Clip:
        for number, clip in self._clips:
            stop_if(self._cancel)
            self._check(number, clip)
            self._last = _without_pictures(clip)
            self._first = self._first or self._last
            if self._on_progress is not None:
                self._on_progress(clip.end_s - self._first.start_s, None)
            if (clip.index - self._first.index) % self.stride == 0:
                return clip
        raise StopIteration

    def __enter__(self) -> GivenClips:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open: the clips are the caller's."""

    def _check(self, number: int, clip: object) -> None:
        if not isinstance(clip, Clip):
            raise InputError(
                f"item {number} of the clips is none",
                seen=type(clip).__name__,
                allowed="the clips that open_clips gives",
                fix="Pass clips alone, or frames alone.",
            )
        if clip.clip_recipe != self._recipe.clip_hash:
            raise MismatchError(
                "these clips were made with another recipe",
                seen=clip.clip_recipe or "a clip that names none",
                allowed=self._recipe.clip_hash,
                fix="Open them with the model's own: `open_clips(video, model.recipe)`.",
            )
        _check_kinds(number, clip)
        self._check_form(number, clip)
        self._check_place(number, clip)
        self._check_times(number, clip)

    def _check_form(self, number: int, clip: Clip) -> None:
        recipe = self._recipe
        shape = (recipe.frames, recipe.crop, recipe.crop, 3)
        if tuple(clip.frames.shape) != shape or clip.frames.dtype != np.uint8:
            raise InputError(
                f"clip {number} has the wrong form",
                seen=f"{clip.frames.dtype} {tuple(clip.frames.shape)}",
                allowed=f"uint8 {shape}",
                fix="Pass clips as open_clips gives them.",
            )

    def _check_place(self, number: int, clip: Clip) -> None:
        first, last = self._first or clip, self._last
        if clip.stride not in STRIDES or clip.stride != first.stride:
            raise _misplaced(number, f"stride {clip.stride}", f"stride {first.stride}")
        if self._wanted is not None and self._wanted % clip.stride:
            raise InputError(
                "these clips cannot be read with that stride",
                seen=self._wanted,
                allowed=[each for each in STRIDES if each % clip.stride == 0],
                fix="Open them again with the stride that is wanted.",
            )
        if last is not None and clip.index != last.index + clip.stride:
            raise _misplaced(number, f"clip {clip.index}", f"clip {last.index + clip.stride} behind clip {last.index}")
        if last is not None and last.padded_frames:
            raise _misplaced(number, f"a clip behind the end at {last.end_s:.3f} s", "none: that clip is not full")
        if not 0 <= clip.padded_frames < self._recipe.frames:
            raise _misplaced(number, f"{clip.padded_frames} padded frames", f"0 to {self._recipe.frames - 1}")
        check_duration(clip.end_s - first.start_s, self._limits)

    def _check_times(self, number: int, clip: Clip) -> None:
        """Starts lie on the grid of the first clip, and no frame stands for a time before its own."""
        recipe, first = self._recipe, self._first or clip
        # Of times since 1970, binary floating point holds a few tenths of a microsecond.
        tolerance = 2 * float(TOLERANCE_S)
        wanted = first.start_s + float((clip.index - first.index) * recipe.frames / recipe.fps)
        lasts, full = clip.end_s - clip.start_s, recipe.clip_duration_s
        # Written so that what is not a number does not pass.
        on_grid = abs(clip.start_s - wanted) <= tolerance and 0 <= lasts <= full + tolerance
        if not on_grid or not (clip.padded_frames or lasts >= full - tolerance):
            raise _misplaced(number, f"{clip.start_s}–{clip.end_s} s", f"{wanted}–{wanted + full} s")
        times = np.asarray(clip.times_s)
        samples = clip.start_s + np.arange(recipe.frames) / float(recipe.fps)
        if times.shape != samples.shape or times.dtype.kind != "f" or not np.isfinite(times).all():
            raise _misplaced(number, f"times_s {times.dtype} {times.shape}", f"{samples.shape} finite times")
        if (np.diff(times) < 0).any() or (times > samples + tolerance).any():
            raise _misplaced(number, "frames out of order", "for each sample the frame that is on screen then")


def _check_kinds(number: int, clip: Clip) -> None:
    """A clip is a plain record, in which a caller may put anything."""
    wrong = [name for name in ("index", "stride", "padded_frames") if as_whole(getattr(clip, name)) is None]
    wrong += [name for name in ("start_s", "end_s") if as_number(getattr(clip, name)) is None]
    wrong += [] if isinstance(clip.frames, (np.ndarray, DeviceFrames)) else ["frames"]
    wrong += [] if isinstance(clip.times_s, np.ndarray) else ["times_s"]
    if wrong:
        raise InputError(
            f"{wrong[0]} of clip {number} is of another kind",
            seen=described(getattr(clip, wrong[0])),
            allowed="what open_clips gives",
            fix="Pass clips as open_clips gives them.",
        )


def _without_pictures(clip: Clip) -> Clip:
    return dataclasses.replace(clip, frames=_NO_FRAMES, times_s=_NO_TIMES)


def _misplaced(number: int, seen: str, allowed: str) -> InputError:
    return InputError(
        f"clip {number} does not fit the one before it, or the recipe",
        seen=seen,
        allowed=allowed,
        fix="Pass the clips of one video, all and in order, as open_clips gives them.",
    )
