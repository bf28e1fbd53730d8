"""The order of presentation as a coded stream states it itself, whatever its container says of times.

A plan of what to leave out sorts packets by their times. Where these are wrong, frames leave the decoder in another
order than that; and where a picture is missing that others refer to, what a decoder puts in its place depends on all
that it was given before.
"""

from __future__ import annotations

from typing import Protocol

from videobert.video.codec.h264_headers import H264Headers, Slice
from videobert.video.codec.hevc_headers import HevcHeaders


class PictureOrder(Protocol):
    """Follows the packets of one stream in the order of decoding."""

    def place(self, data: bytes, *, restarts: bool, anchors: bool) -> int | None:
        """Place of a packet's picture in the order of presentation since the last restart.

        Args:
            data: the packet.
            restarts: nothing before this picture counts.
            anchors: the places of later pictures are counted from that of this one.

        Returns:
            None where the packet does not tell, or a picture before it is missing.
        """


class AsDecoded:
    """For codecs whose packets come in the order of presentation."""

    def __init__(self) -> None:
        self._place = 0

    def place(self, data: bytes, *, restarts: bool, anchors: bool) -> int | None:
        """See `PictureOrder`."""
        self._place += 1
        return self._place


class H264Order:
    """For H.264 in frames, see `H264Headers`."""

    def __init__(self, extradata: bytes | None) -> None:
        self._headers = H264Headers(extradata)
        self._count = _Count()
        self._decoded = 0
        self._frame_num: int | None = None  # of the last picture that others refer to

    def place(self, data: bytes, *, restarts: bool, anchors: bool) -> int | None:
        """See `PictureOrder`."""
        first: Slice | None = None
        for slice_ in self._headers.slices(data):
            if slice_ is None or slice_.bottom is not None:
                return None
            first = first or slice_
            if slice_.frame_num != first.frame_num:
                return None
        if first is None or self._missing_before(first):
            return None
        if first.referred:
            self._frame_num = first.frame_num
        self._decoded += 1
        if first.order_type == 0:
            return self._count.whole(first.order, first.order_bits, restarts=restarts, anchors=anchors)
        return self._decoded if first.order_type == 2 else None

    def _missing_before(self, picture: Slice) -> bool:
        if picture.idr or self._frame_num is None:
            return False
        return picture.frame_num != (self._frame_num + 1) % (1 << picture.frame_num_bits)


class HevcOrder:
    """For HEVC, see `HevcHeaders`. What is missing shows as grey whatever came before, so it is no matter here."""

    def __init__(self, extradata: bytes | None) -> None:
        self._headers = HevcHeaders(extradata)
        self._count = _Count()

    def place(self, data: bytes, *, restarts: bool, anchors: bool) -> int | None:
        """See `PictureOrder`."""
        order = self._headers.order(data)
        return None if order is None else self._count.whole(*order, restarts=restarts, anchors=anchors)


class _Count:
    """Completes numbers of which the lowest bits are known (H.264, 8.2.1.1; H.265, 8.3.1)."""

    def __init__(self) -> None:
        self._anchor = 0

    def whole(self, low: int, bits: int, *, restarts: bool, anchors: bool) -> int:
        size = 1 << bits
        if restarts:
            whole = low
        else:
            whole = self._anchor - self._anchor % size + low
            if whole - self._anchor > size // 2:
                whole -= size
            elif self._anchor - whole >= size // 2:
                whole += size
        if anchors:
            self._anchor = whole
        return whole
