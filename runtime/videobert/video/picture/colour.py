"""Which matrix and range turn a decoded picture into RGB."""

from __future__ import annotations

from dataclasses import dataclass, replace

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from videobert.video.picture.tone_map import HDR_TRANSFERS, HdrTransfer

# Untagged pictures with at least this many lines are taken as BT.709, smaller ones as BT.601.
HD_LINES = 720

# Tags of ITU-T H.273, table 4; any other is treated as none.
_TAGS = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
# Weights of red and blue in luma, from the same table.
_LUMA_WEIGHTS = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
}


@dataclass(frozen=True, slots=True)
class Colour:
    """How one picture is read.

    Args:
        matrix: name of the matrix, `"rgb"` where there is none.
        full_range: whether luma runs over the whole range.
        grey: a single plane of luma.
        hdr: the transfer function, if it is one of high dynamic range.
        primaries: of such a picture, by their number in ITU-T H.273.
    """

    matrix: str
    full_range: bool
    grey: bool
    hdr: HdrTransfer | None = None
    primaries: int = 0

    def to_rgb(self, bits: int, unused_bits: int = 0) -> list[list[float]]:
        """Rows for red, green and blue, 0 to 255: factors of the three stored components, and an addend.

        Args:
            bits: of a stored sample.
            unused_bits: of these, at the lower end.
        """
        top = (1 << bits) - (1 << unused_bits)
        if self.matrix == "rgb":
            return [[255 / top * (row == column) for column in range(3)] + [0.0] for row in range(3)]
        unit = 2.0 ** (bits - 8)
        black, luma_span, chroma_span = (0.0, top, top) if self.full_range else (16 * unit, 219 * unit, 224 * unit)
        y = 255 / luma_span
        if self.grey:
            return [[y, 0.0, 0.0, -y * black]] * 3
        red, blue = _LUMA_WEIGHTS[self.matrix]
        green = 1 - red - blue
        v_to_red, u_to_blue = (2 * (1 - weight) * 255 / chroma_span for weight in (red, blue))
        rows = [
            [y, 0.0, v_to_red],
            [y, -u_to_blue * blue / green, -v_to_red * red / green],
            [y, u_to_blue, 0.0],
        ]
        return [[*row, -y * black - (row[1] + row[2]) * 128 * unit] for row in rows]


# Of uint8 arrays.
RGB = Colour("rgb", True, False)


def colour_of(frame: VideoFrame) -> Colour:
    """The stream's own matrix and range; untagged: BT.709 from 720 lines, else BT.601, and limited range."""
    hdr = HDR_TRANSFERS.get(int(frame.color_trc))
    stored = _stored(frame)
    return stored if hdr is None else replace(stored, hdr=hdr, primaries=int(frame.color_primaries))


def _stored(frame: VideoFrame) -> Colour:
    name = frame.format.name
    one_kind = len(frame.format.components) == 1  # black and white in single bits, Bayer
    if frame.format.is_rgb or frame.format.has_palette or name.startswith("xyz"):
        return Colour("rgb", True, False)
    grey = name.startswith(("gray", "ya"))
    if one_kind and not grey:
        return Colour("rgb", True, False)
    full = frame.color_range == ColorRange.JPEG or name.startswith("yuvj")
    return Colour(_TAGS.get(int(frame.colorspace), "bt709" if frame.height >= HD_LINES else "bt601"), full, grey)
