"""A whole video as numpy frames with times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import described
from videobert.base.errors import InputError

# What numpy makes a number of that is none: complex numbers, texts, dates and spans.
_NO_TIMES = "cSUMm"


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
        frames = picture_array("frames of a FrameArray are not pictures", self.frames)
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
            raise no_time(row, float(times[row]))
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


def picture_array(what: str, value: object) -> npt.NDArray[np.uint8]:
    """An array of what was given, whatever its form."""
    try:
        return np.asarray(value)
    except Exception as error:  # rows of different lengths, or whatever a foreign `__array__` raises
        raise InputError(
            what, seen=described(value), allowed="uint8 arrays", fix="Convert the pictures to 8-bit RGB arrays."
        ) from error


def no_time(row: int, seen: object) -> InputError:
    """The one error for a time that cannot be used, wherever the frame comes from."""
    return InputError(
        f"the time of frame {row} is not a finite number", seen=seen, fix="Give each frame its time in seconds."
    )
