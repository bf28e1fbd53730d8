"""Numpy frames with times, all at once or one by one from live input, as every other decoder gives its frames."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.base.limits import Limits, check_duration, check_side
from videobert.video.decoders.decoder import TimedFrame
from videobert.video.info import VideoInfo
from videobert.video.source.frame_array import FrameArray, no_time, picture_array
from videobert.video.timestamps import LOOK_AHEAD

if TYPE_CHECKING:
    from videobert.video.clip import Clip

# Times come as binary floating point: one a microsecond after a sampling time still counts as on screen then.
TOLERANCE_S = Fraction(1, 1_000_000)
# Whoever watches live does not want to wait: a source that paused may send its next frames late.
LIVE_LOOK_AHEAD = 2


class NumpyDecoder:
    """The decoder face of numpy frames; nothing is decoded."""

    tolerance: Fraction = TOLERANCE_S
    nominal_s: Fraction | None = None
    sample_aspect: Fraction = Fraction(1)

    def __init__(self, pairs: Iterator[tuple[npt.NDArray[np.uint8], float]], info: VideoInfo, live: bool) -> None:
        self._pairs = pairs
        self._info = info
        # Cameras hand out the same buffer again and again, and a frame is looked at after the next one has come.
        self._copy = live
        self.look_ahead = LIVE_LOOK_AHEAD if live else LOOK_AHEAD
        self._decoded = 0

    @classmethod
    def of_array(cls, array: FrameArray, limits: Limits) -> NumpyDecoder:
        """Frames of a `FrameArray`.

        Raises:
            LimitExceeded: the pictures are too large or last too long.
        """
        _, height, width, _ = array.frames.shape
        check_side(width, height, limits)
        times = array.times_s
        span = float(times[-1] - times[0])
        check_duration(span, limits)
        rate = (len(times) - 1) / span if len(times) > 1 else None
        info = VideoInfo(
            container="frames",
            codec="rgb",
            pixel_format="rgb24",
            decoder="none",
            width=width,
            height=height,
            fps=rate,
            duration_s=span + (1 / rate if rate else 0.0),
            start_s=float(times[0]),
        )
        return cls(zip(array.frames, times.tolist(), strict=True), info, live=False)

    @classmethod
    def of_iterator(cls, pairs: Iterable[tuple[npt.NDArray[np.uint8], float]], limits: Limits) -> NumpyDecoder:
        """Live input. Waits for the first frame.

        Raises:
            InputError: there is no frame, or the first one has the wrong form.
            LimitExceeded: the first picture is too large.
        """
        rest = iter(pairs)
        first = next(rest, None)
        if first is None:
            raise InputError("the iterator gave no frame", allowed="pairs (frame, time_s)", fix="Pass at least one.")
        frame, time = _checked(first, 0, limits)
        info = VideoInfo(
            container="frames",
            codec="rgb",
            pixel_format="rgb24",
            decoder="none",
            width=frame.shape[1],
            height=frame.shape[0],
            start_s=time,
        )
        checked = (_checked(pair, row, limits) for row, pair in enumerate(rest, 1))
        return cls(itertools.chain([(frame, time)], checked), info, live=True)

    @property
    def info(self) -> VideoInfo:
        return replace(self._info, frames_decoded=self._decoded)

    def frames(self) -> Iterator[TimedFrame]:
        """Each frame with its time; its duration is the gap before it, the only one known when it comes."""
        last: Fraction | None = None
        for picture, seconds in self._pairs:
            self._decoded += 1
            time = Fraction(seconds)
            gap = time - last if last is not None else None
            last = time
            yield TimedFrame(picture.copy() if self._copy else picture, time, gap)

    def render(self, planned: Iterator[Clip]) -> Iterator[Clip]:
        """See `Decoder.render`: these clips have their pictures already."""
        return planned

    def close(self) -> None:
        """Let go of the frames, which are the caller's: what is asked of this object later is its `info`."""
        self._pairs = iter(())


def _checked(pair: object, row: int, limits: Limits) -> tuple[npt.NDArray[np.uint8], float]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise InputError(
            f"item {row} of the iterator is not a pair",
            seen=type(pair).__name__,
            allowed="(frame, time_s)",
            fix="Pass one video, or each frame with its time.",
        )
    frame, time = picture_array(f"frame {row} of the iterator is no picture", pair[0]), pair[1]
    if frame.ndim != 3 or frame.shape[-1] != 3 or frame.dtype != np.uint8 or not frame.size:
        raise InputError(
            f"frame {row} of the iterator has the wrong form",
            seen=f"{frame.dtype} {frame.shape}",
            allowed="uint8 (height, width, 3), RGB",
            fix="Convert the pictures to 8-bit RGB.",
        )
    check_side(frame.shape[1], frame.shape[0], limits)
    try:
        if isinstance(time, (str, bytes)):
            raise TypeError("a text")
        seconds = float(time)
    except Exception as error:  # whatever a foreign `__float__` raises
        raise no_time(row, time) from error
    if not math.isfinite(seconds):
        raise no_time(row, seconds)
    return frame, seconds
