"""What a container cuts off of the stored picture, in whole pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True, slots=True)
class Crop:
    """Pixels cut off at each side of the picture as stored."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    @property
    def in_words(self) -> str:
        """Left, top, right and bottom, for a message."""
        return f"{self.left}, {self.top}, {self.right} and {self.bottom} pixels off"

    def fits(self, width: int, height: int) -> bool:
        """Whether it lies within a picture of that size and leaves something of it."""
        sides = self.left, self.top, self.right, self.bottom
        return min(sides) >= 0 and self.left + self.right < width and self.top + self.bottom < height


UNCROPPED = Crop()


def clean_aperture(width: int, height: int, numbers: bytes) -> Crop:
    """The crop that a `clap` box asks for (ISO/IEC 14496-12, 12.1.4).

    Edges between two pixels are taken as those before them, as FFmpeg takes them: left or above.

    Args:
        width, height: of the picture as stored.
        numbers: eight 32-bit numbers, pairs of numerator and denominator: width and height of the aperture, and how far
            its centre lies to the right of the picture's and below it.

    Raises:
        ValueError: that is no part of the picture; the text shows the aperture.
    """
    if len(numbers) != 32:
        raise ValueError(f"a clean aperture of {len(numbers)} bytes")
    pairs = struct.unpack(">IIIIiIiI", numbers)
    shown = ", ".join(f"{top}/{bottom}" for top, bottom in zip(pairs[::2], pairs[1::2], strict=True))
    if not all(pairs[1::2]):
        raise ValueError(f"a clean aperture of {shown}")
    wide, high, right, down = (Fraction(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True))
    edges = []
    for whole, kept, shift in ((width, wide, right), (height, high, down)):
        first, end = (whole - kept) / 2 + shift, floor((whole + kept) / 2 + shift)
        edges.append((int(first), whole - end))
    crop = Crop(edges[0][0], edges[1][0], edges[0][1], edges[1][1])
    if not crop.fits(width, height):
        raise ValueError(f"a clean aperture of {shown} in {width}x{height}")
    return crop
