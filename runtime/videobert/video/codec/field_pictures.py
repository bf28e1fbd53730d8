"""Packets of H.264 that hold fields instead of frames (PAFF): told from slice headers, nothing is decoded.

A container or a raw stream may store the two fields of a frame one after the other, each as a packet with the duration
of a field; a decoder makes one frame of the two.
"""

from __future__ import annotations

from enum import Enum
from typing import SupportsBytes

from videobert.video.codec.h264_headers import H264Headers


class Fields(Enum):
    """Which fields of a frame a packet holds, in the order of decoding."""

    FIRST = 1
    SECOND = 2
    BOTH = 3


class FieldPictures:
    """Looks at the packets of one H.264 stream in the order of decoding.

    Args:
        extradata: the codec's parameters as the container stores them; None if it has none.
    """

    def __init__(self, extradata: bytes | None) -> None:
        self._headers = H264Headers(extradata)
        self._open: tuple[int, bool] | None = None  # frame number and parity of a first field without its second

    def look(self, packet: SupportsBytes, key_frame: bool) -> Fields | None:
        """Which fields the packet holds; None if it holds a frame."""
        # New parameters come with key frames.
        if not key_frame and self._headers.frames_only:
            return None
        before, self._open = self._open, None
        found: set[tuple[int, bool]] = set()
        for slice_ in self._headers.slices(bytes(packet)):
            if slice_ is None or slice_.bottom is None:
                return None
            found.add((slice_.frame_num, slice_.bottom))
        if len(found) != 1:
            return Fields.BOTH if found else None
        (field,) = found
        if before == (field[0], not field[1]):
            return Fields.SECOND
        self._open = field
        return Fields.FIRST
