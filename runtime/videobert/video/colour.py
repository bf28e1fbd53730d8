"""Which matrix and range turn a decoded picture into RGB."""

from __future__ import annotations

from dataclasses import dataclass

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

# Untagged pictures with at least this many lines are taken as BT.709, smaller ones as BT.601.
HD_LINES = 720

# Tags of ITU-T H.273, table 4. Matrices that swscale does not know are treated as untagged.
_MATRICES = {
    1: ("bt709", Colorspace.ITU709),
    4: ("fcc", Colorspace.FCC),
    5: ("bt601", Colorspace.ITU601),
    6: ("bt601", Colorspace.ITU601),
    7: ("smpte240m", Colorspace.SMPTE240M),
    9: ("bt2020", Colorspace.BT2020),
}


@dataclass(frozen=True, slots=True)
class Colour:
    """How one picture is read.

    Args:
        matrix: name of the matrix, `"rgb"` where there is none.
        colorspace: the same for swscale; None for RGB.
        full_range: whether luma runs over the whole range.
        grey: a single plane of luma.
    """

    matrix: str
    colorspace: Colorspace | None
    full_range: bool
    grey: bool

    @property
    def range(self) -> ColorRange:
        return ColorRange.JPEG if self.full_range else ColorRange.MPEG


def colour_of(frame: VideoFrame) -> Colour:
    """The stream's own matrix and range; untagged: BT.709 from 720 lines, else BT.601, and limited range."""
    name = frame.format.name
    if frame.format.is_rgb or frame.format.has_palette or name == "pal8":
        return Colour("rgb", None, True, False)
    full = frame.color_range == ColorRange.JPEG or name.startswith("yuvj")
    untagged = _MATRICES[1 if frame.height >= HD_LINES else 6]
    matrix, colorspace = _MATRICES.get(int(frame.colorspace), untagged)
    return Colour(matrix, colorspace, full, name.startswith(("gray", "ya")))
