"""Where chroma samples lie between luma samples, as a decoded frame says.

PyAV does not show the field of a frame that holds it, but swscale obeys it. So a frame of a few samples with the same
properties gets chroma that rises evenly from sample to sample, and what swscale makes of that at full resolution
tells. Less than 20 microseconds, whatever the size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

_SIDE = 16
_AT = 8  # where the result is looked at: far from the edges
_FIRST, _RISE = 16, 24
_RAMP = np.broadcast_to((_FIRST + _RISE * np.arange(_SIDE // 2)).astype(np.uint8), (_SIDE // 2, _SIDE // 2))
_FLAGS = int(
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True, slots=True)
class ChromaSiting:
    """Position of a chroma sample among the luma samples that share it: 0 on the first, 1/2 between, 1 on the last.

    Args:
        x: along a row; 0 is "left", 1/2 "centre".
        y: down a column; 0 is "top", 1/2 between the lines, 1 "bottom".
    """

    x: float = 0.5
    y: float = 0.5


def offset_of(position: float, shift: int) -> float:
    """The recipe's o for a component that is subsampled by `2 ** shift`: 1/2 where it is not, whatever the siting."""
    factor = 1 << shift
    return (position * (factor - 1) + 0.5) / factor


class SitingProbe:
    """Asks swscale. Keeps its tables between frames."""

    def __init__(self) -> None:
        self._shrink = VideoReformatter()
        self._spread = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> ChromaSiting:
        """The siting of a frame with subsampled chroma; the centre where it says nothing, as swscale has it."""
        small = self._shrink.reformat(frame, _SIDE, _SIDE, "yuv420p", interpolation=int(Interpolation.POINT), threads=1)
        for plane, values in zip(small.planes[1:], (_RAMP, _RAMP.T), strict=True):
            rows = np.zeros((plane.height, plane.line_size), np.uint8)
            rows[:, : plane.width] = values
            plane.update(rows.tobytes())
        spread = self._spread.reformat(small, _SIDE, _SIDE, "yuv444p", interpolation=_FLAGS, threads=1)
        _, u, v = spread.to_ndarray()[:, _AT, _AT]
        return ChromaSiting(_position(int(u)), _position(int(v)))


def _position(value: int) -> float:
    offset = (_AT + 0.5) / 2 - (value - _FIRST) / _RISE
    return min(max(round(4 * offset - 1) / 2, 0.0), 1.0)
