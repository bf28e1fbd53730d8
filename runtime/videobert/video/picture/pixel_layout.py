"""How each pixel format lays out its samples, for the formats that the native transform reads as they are."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache

from av.video.format import VideoFormat


@dataclass(frozen=True, slots=True)
class Component:
    """Where the samples of one component lie.

    Args:
        plane: number of the plane.
        first: its first sample in a row, counted in samples.
        step: from one of its samples to the next.
    """

    plane: int
    first: int = 0
    step: int = 1


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """One pixel format.

    Args:
        components: of luma and the two chroma components, of red, green and blue, or of luma alone.
        bits: of a sample as the transform reads it: 8 in a byte, 9 to 16 in two. Formats that keep their bits at the
            upper end of a word count as 16.
        unused_bits: of these, at the lower end.
        chroma_shift: binary logarithms of the subsampling of chroma, horizontally and vertically.
    """

    components: tuple[Component, ...]
    bits: int = 8
    unused_bits: int = 0
    chroma_shift: tuple[int, int] = (0, 0)

    @property
    def planes(self) -> int:
        """How many planes are read; alpha has one of its own and is not."""
        return 1 + max(component.plane for component in self.components)


# Of uint8 arrays `(height, width, 3)`.
RGB24 = PixelLayout((Component(0, 0, 3), Component(0, 1, 3), Component(0, 2, 3)))
_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}
_PLANAR = re.compile(r"yuv([aj]?)(420|422|444|440|411|410)p(?:(9|10|12|14|16)le)?")
_PLANAR_RGB = re.compile(r"gbra?p(?:(9|10|12|14|16)le|)")
_SEMI_PLANAR = {"nv12": "420", "nv16": "422", "nv24": "444", "nv21": "420", "nv42": "444"}
_SEMI_PLANAR_WORDS = re.compile(r"p([024])(10|12|16)le")
_PACKED_RGB = re.compile(r"(rgb|bgr|rgba|bgra|argb|abgr|rgb0|bgr0|0rgb|0bgr)(24|48le|64le|)")
_GREY = re.compile(r"(gray|ya)(8|9|10|12|14|16)?(le)?")


@cache
def layout_of(name: str) -> PixelLayout | None:
    """The layout of a pixel format by FFmpeg's name; None for one that must be converted first."""
    if sys.byteorder != "little" and name.endswith("le"):
        return None
    separate = Component(0), Component(1), Component(2)
    if match := _PLANAR.fullmatch(name):
        return PixelLayout(separate, int(match[3] or 8), chroma_shift=_SHIFTS[match[2]])
    if match := _PLANAR_RGB.fullmatch(name):
        return PixelLayout((Component(2), Component(0), Component(1)), int(match[1] or 8))
    if name in _SEMI_PLANAR:
        chroma = Component(1, 0, 2), Component(1, 1, 2)
        if name in ("nv21", "nv42"):
            chroma = chroma[1], chroma[0]
        return PixelLayout((Component(0), *chroma), chroma_shift=_SHIFTS[_SEMI_PLANAR[name]])
    if match := _SEMI_PLANAR_WORDS.fullmatch(name):
        shift = {"0": (1, 1), "2": (1, 0), "4": (0, 0)}[match[1]]
        return PixelLayout((Component(0), Component(1, 0, 2), Component(1, 1, 2)), 16, 16 - int(match[2]), shift)
    if name in ("yuyv422", "yvyu422", "uyvy422"):
        return PixelLayout(tuple(Component(0, name.index(c), 2 if c == "y" else 4) for c in "yuv"), chroma_shift=(1, 0))
    if match := _PACKED_RGB.fullmatch(name):
        order = match[1]
        if match[2] not in {3: ("24", "48le"), 4: ("", "64le")}[len(order)]:
            return None
        bits = 16 if match[2] in ("48le", "64le") else 8
        return PixelLayout(tuple(Component(0, order.index(c), len(order)) for c in "rgb"), bits)
    if (match := _GREY.fullmatch(name)) and name not in ("ya", "gray8"):
        return PixelLayout((Component(0, 0, 2 if match[1] == "ya" else 1),), int(match[2] or 8))
    return None


def read_as(pixel_format: VideoFormat) -> str:
    """The name of the format in which the transform reads pictures of a format: its own name if it has a layout.

    Else that of the nearest format that has one: it keeps the kind of colour and, where it can, the subsampling; more
    than 8 bits become 16.

    Raises:
        ValueError: the format has no samples that could be read, as those of pictures in a graphics card.
    """
    if layout_of(pixel_format.name) is not None:
        return pixel_format.name
    if not pixel_format.components:
        raise ValueError(f"{pixel_format.name} holds no samples")
    deep = max(component.bits for component in pixel_format.components) > 8
    if pixel_format.name.startswith(("gray", "ya")):
        return "gray16le" if deep else "gray"
    single = len(pixel_format.components) == 1  # black and white in single bits
    if pixel_format.is_rgb or pixel_format.has_palette or single or pixel_format.name.startswith("xyz"):
        return "rgb48le" if deep else "rgb24"
    wide = VideoFormat(pixel_format.name, 64, 64)
    sampling = next(
        (t for t, (x, y) in _SHIFTS.items() if (wide.chroma_width() << x, wide.chroma_height() << y) == (64, 64)), "444"
    )
    if not deep:
        return f"yuv{sampling}p"
    return f"yuv{sampling if sampling in ('420', '422') else '444'}p16le"
