"""Video as numpy frames with times: all at once, or one by one from live input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import described
from videobert.base.errors import InputError
from videobert.base.limits import Limits, check_duration, check_side
from videobert.video.decoders.decoder import TimedFrame
from videobert.video.info import VideoInfo
from videobert.video.timestamps import LOOK_AHEAD

if TYPE_CHECKING:
    from videobert.video.clip import Clip

# Times come as binary floating point: one a microsecond after a sampling time still counts as on screen then.
TOLERANCE_S = Fraction(1, 1_000_000)
# What numpy makes a number of that is none: complex numbers, texts, dates and spans.
_NO_TIMES = "cSUMm"
# Whoever watches live does not want to wait: a source that paused may send its next frames late.
LIVE_LOOK_AHEAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class FrameArray:
    """A whole video in memory.

    Args:
        frames: uint8 `(frames, height, width, 3)`, RGB.
        times_s: `(frames,)`, presentation time of each frame in seconds, increasing.

    Raises:
        InputError: a shape, a type or a time is wrong.
    """

    frames: npt.NDArray[np.uint8]
    times_s: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        frames = _pictures("frames of a FrameArray are not pictures", self.frames)
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
            raise InputError(
                "frames of a FrameArray have the wrong form",
                seen=f"{frames.dtype} {frames.shape}",
                allowed="uint8 (frames, height, width, 3), at least one frame",
                fix="Convert the pictures to 8-bit RGB and stack them.",
            )
        try:
            if np.asarray(self.times_s).dtype.kind in _NO_TIMES:
                raise TypeError("not real numbers")
            times = np.asarray(self.times_s, dtype=np.float64)
        except Exception as error:  # whatever a foreign `__array__` or `__float__` raises
            raise InputError(
                "times of a FrameArray are not numbers",
                seen=described(self.times_s),
                allowed="seconds, one number for each frame",
                fix="For example numpy.arange(len(frames)) / 25.",
            ) from error
        if times.shape != frames.shape[:1]:
            raise InputError(
                "a FrameArray needs one time for each frame",
                seen=times.shape,
                allowed=str(frames.shape[:1]),
                fix="For example numpy.arange(len(frames)) / 25.",
            )
        if not np.isfinite(times).all():
            row = int(np.flatnonzero(~np.isfinite(times))[0])
            raise _no_time(row, float(times[row]))
        if (np.diff(times) <= 0).any():
            row = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 1
            raise InputError(
                f"the time of frame {row} is not after the one before it",
                seen=(float(times[row - 1]), float(times[row])),
                allowed="times in seconds that increase",
                fix="Sort the frames by time and drop repeats.",
            )
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "times_s", times)


class ArrayDecoder:
    """The decoder face of numpy frames; nothing is decoded."""

    tolerance: Fraction = TOLERANCE_S
    nominal_s: Fraction | None = None

    def __init__(self, pairs: Iterator[tuple[npt.NDArray[np.uint8], float]], info: VideoInfo, live: bool) -> None:
        self._pairs = pairs
        self._info = info
        # Cameras hand out the same buffer again and again, and a frame is looked at after the next one has come.
        self._copy = live
        self.look_ahead = LIVE_LOOK_AHEAD if live else LOOK_AHEAD
        self._decoded = 0

    @classmethod
    def of_array(cls, array: FrameArray, limits: Limits) -> ArrayDecoder:
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
    def of_iterator(cls, pairs: Iterable[tuple[npt.NDArray[np.uint8], float]], limits: Limits) -> ArrayDecoder:
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


def _pictures(what: str, value: object) -> npt.NDArray[np.uint8]:
    """An array of what was given, whatever its form."""
    try:
        return np.asarray(value)
    except Exception as error:  # rows of different lengths, or whatever a foreign `__array__` raises
        raise InputError(
            what, seen=described(value), allowed="uint8 arrays", fix="Convert the pictures to 8-bit RGB arrays."
        ) from error


def _checked(pair: object, row: int, limits: Limits) -> tuple[npt.NDArray[np.uint8], float]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise InputError(
            f"item {row} of the iterator is not a pair",
            seen=type(pair).__name__,
            allowed="(frame, time_s)",
            fix="Pass one video, or each frame with its time.",
        )
    frame, time = _pictures(f"frame {row} of the iterator is no picture", pair[0]), pair[1]
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
        raise _no_time(row, time) from error
    if not math.isfinite(seconds):
        raise _no_time(row, seconds)
    return frame, seconds


def _no_time(row: int, seen: object) -> InputError:
    return InputError(
        f"the time of frame {row} is not a finite number", seen=seen, fix="Give each frame its time in seconds."
    )
