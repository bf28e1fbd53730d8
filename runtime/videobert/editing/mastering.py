"""What a film says of the display that it was mastered on, and how encoders are told so.

SMPTE ST 2086 and CTA-861.3, as decoders give them: `AVMasteringDisplayMetadata` and `AVContentLightMetadata` of
FFmpeg's `libavutil/mastering_display_metadata.h`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.sidedata.sidedata import Type

# Red, green and blue in x and y, white, the least and the highest luminance, as fractions; whether they are there.
_DISPLAY = struct.Struct("=20i2i")
_LIGHT = struct.Struct("=2I")
# In HEVC's and H.264's messages, chromaticities count in these, and luminances.
_CHROMATICITY, _LUMINANCE = 50_000, 10_000
# Data of each frame that no encoder here is told.
_DYNAMIC = tuple(
    getattr(Type, name) for name in ("DYNAMIC_HDR_PLUS", "DOVI_RPU_BUFFER", "DOVI_METADATA", "DYNAMIC_HDR_VIVID")
)
_ENCODERS = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}


@dataclass(frozen=True, slots=True)
class Mastering:
    """What a frame says.

    Args:
        primaries: chromaticities, x and y, of red, green, blue and white; None where it says nothing of them, or of
            the luminances.
        luminance: the least and the highest, in candelas per square metre.
        light: the most light of a pixel, and of a frame on average, in the same; None where it is not said.
        dynamic: it says more, which changes from frame to frame.
    """

    primaries: tuple[tuple[Fraction, Fraction], ...] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    light: tuple[int, int] | None = None
    dynamic: bool = False

    @classmethod
    def of(cls, frame: Any) -> Mastering:
        """What a decoded frame says; what is not a number is not said."""
        primaries = luminance = light = None
        dynamic = False
        for data in frame.side_data:
            if data.type == Type.MASTERING_DISPLAY_METADATA and data.buffer_size >= _DISPLAY.size:
                primaries, luminance = _display(bytes(data))
            elif data.type == Type.CONTENT_LIGHT_LEVEL and data.buffer_size >= _LIGHT.size:
                light = _LIGHT.unpack_from(bytes(data))
            elif data.type in _DYNAMIC:
                dynamic = True
        return cls(primaries, luminance, light, dynamic)

    def __bool__(self) -> bool:
        return self.primaries is not None or self.light is not None

    def options(self, encoder: str) -> dict[str, str]:
        """What an encoder is told; nothing where it cannot be."""
        if encoder not in _ENCODERS or not self:
            return {}
        name, display, light = _ENCODERS[encoder]
        told = []
        if self.primaries is not None and self.luminance is not None:
            whole = encoder != "libsvtav1"
            red, green, blue, white = (
                ",".join(_number(value, _CHROMATICITY, whole) for value in each) for each in self.primaries
            )
            least, most = (_number(value, _LUMINANCE, whole) for value in self.luminance)
            told.append(f"{display}=G({green})B({blue})R({red})WP({white})L({most},{least})")
        if self.light is not None:
            told.append(f"{light}={self.light[0]},{self.light[1]}")
        return {name: ":".join(told)}

    def lost_by(self, encoder: str) -> tuple[str, ...]:
        """What frames that this encoder makes do not say any more, in words."""
        found = []
        if self and encoder not in _ENCODERS:
            found.append("HDR mastering data of frames encoded anew")
        if self.dynamic:
            found.append("dynamic HDR data of frames encoded anew")
        return tuple(found)


def _display(
    data: bytes,
) -> tuple[tuple[tuple[Fraction, Fraction], ...] | None, tuple[Fraction, Fraction] | None]:
    *numbers, has_primaries, has_luminance = _DISPLAY.unpack_from(data)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not (has_primaries and has_luminance) or any(below <= 0 or above < 0 for above, below in pairs):
        return None, None
    values = [Fraction(*pair) for pair in pairs]
    places = tuple(zip(values[0:8:2], values[1:8:2], strict=True))
    return places, (values[8], values[9])


def _number(value: Fraction, per_one: int, whole: bool) -> str:
    count = round(value * per_one)
    return str(count) if whole else f"{count / per_one:.5f}"
