"""Packets of H.264 that hold fields instead of frames (PAFF): told from slice headers, nothing is decoded.

A container or a raw stream may store the two fields of a frame one after the other, each as a packet with the duration
of a field; a decoder makes one frame of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import SupportsBytes

_START_CODE = re.compile(rb"\x00\x00\x01")
_SLICE, _IDR_SLICE, _SPS, _PPS = 1, 5, 7, 8
# Profiles whose parameter sets state a chroma format (ITU-T H.264, 7.3.2.1.1).
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
# What is looked at lies at the beginning of a unit; parameter sets with scaling lists are the longest.
_SLICE_BYTES, _SET_BYTES = 48, 1024
_MOST_SEQUENCES, _MOST_PICTURE_SETS = 31, 255


class Fields(Enum):
    """Which fields of a frame a packet holds, in the order of decoding."""

    FIRST = 1
    SECOND = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class _Sequence:
    frames_only: bool
    frame_num_bits: int
    colour_planes: bool


class FieldPictures:
    """Looks at the packets of one H.264 stream in the order of decoding.

    Args:
        extradata: the codec's parameters as the container stores them; None if it has none.
    """

    def __init__(self, extradata: bytes | None) -> None:
        self._sequences: dict[int, _Sequence] = {}
        self._sequence_of: dict[int, int] = {}  # of a picture parameter set
        self._length_bytes = 0
        self._open: tuple[int, bool] | None = None  # frame number and parity of a first field without its second
        if extradata and extradata[0] == 1 and len(extradata) > 6:
            self._length_bytes = (extradata[4] & 3) + 1
            for unit in _units_of_header(extradata):
                self._learn(unit)
        elif extradata:
            for unit in _units_after_start_codes(extradata):
                self._learn(unit)

    def look(self, packet: SupportsBytes, key_frame: bool) -> Fields | None:
        """Which fields the packet holds; None if it holds a frame."""
        # New parameters come with key frames.
        if not key_frame and all(sequence.frames_only for sequence in self._sequences.values()):
            return None
        before, self._open = self._open, None
        found: set[tuple[int, bool]] = set()
        for unit in self._units(bytes(packet)):
            kind = unit[0] & 31
            if kind in (_SPS, _PPS):
                self._learn(unit)
            elif kind in (_SLICE, _IDR_SLICE):
                field = self._field_of(unit)
                if field is None:
                    return None
                found.add(field)
        if len(found) != 1:
            return Fields.BOTH if found else None
        (field,) = found
        if before == (field[0], not field[1]):
            return Fields.SECOND
        self._open = field
        return Fields.FIRST

    def _units(self, data: bytes) -> Iterator[bytes]:
        if not self._length_bytes:
            yield from _units_after_start_codes(data)
            return
        at = 0
        while at + self._length_bytes < len(data):
            begin = at + self._length_bytes
            at = begin + int.from_bytes(data[at:begin], "big")
            if at > begin:
                yield data[begin : min(at, begin + _SET_BYTES)]

    def _learn(self, unit: bytes) -> None:
        try:
            if unit[0] & 31 == _SPS:
                number, sequence = _sequence_in(_Bits(unit[1:_SET_BYTES]))
                if number <= _MOST_SEQUENCES:
                    self._sequences[number] = sequence
            elif unit[0] & 31 == _PPS:
                bits = _Bits(unit[1:_SLICE_BYTES])
                number = bits.golomb()
                if number <= _MOST_PICTURE_SETS:
                    self._sequence_of[number] = bits.golomb()
        except EOFError:  # damaged: the decoder will say so
            return

    def _field_of(self, unit: bytes) -> tuple[int, bool] | None:
        """Frame number and whether it is the bottom field; None for a slice of a frame, or one that cannot be read."""
        bits = _Bits(unit[1:_SLICE_BYTES])
        try:
            bits.golomb()  # first macroblock
            bits.golomb()  # type of slice
            sequence = self._sequences.get(self._sequence_of.get(bits.golomb(), -1))
            if sequence is None or sequence.frames_only:
                return None
            if sequence.colour_planes:
                bits.read(2)
            frame_num = bits.read(sequence.frame_num_bits)
            return (frame_num, bool(bits.read(1))) if bits.read(1) else None
        except EOFError:
            return None


class _Bits:
    """Reads a unit bit by bit, past the bytes that keep start codes from appearing in it."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(plain, "big")
        self._left = 8 * len(plain)

    def read(self, count: int) -> int:
        if count > self._left:
            raise EOFError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """ue(v): an Exp-Golomb code."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_golomb(self) -> int:
        """se(v)"""
        code = self.golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _sequence_in(bits: _Bits) -> tuple[int, _Sequence]:
    """Number and contents of a sequence parameter set (ITU-T H.264, 7.3.2.1.1), as far as they are needed."""
    profile = bits.read(8)
    bits.read(16)  # constraints, level
    number = bits.golomb()
    colour_planes = False
    if profile in _HIGH_PROFILES:
        chroma_format = bits.golomb()
        if chroma_format == 3:
            colour_planes = bool(bits.read(1))
        bits.golomb(), bits.golomb()  # bit depths
        bits.read(1)
        if bits.read(1):
            for which in range(12 if chroma_format == 3 else 8):
                if bits.read(1):
                    _skip_scaling_list(bits, 16 if which < 6 else 64)
    frame_num_bits = bits.golomb() + 4
    order_type = bits.golomb()
    if order_type == 0:
        bits.golomb()
    elif order_type == 1:
        bits.read(1)
        bits.golomb(), bits.golomb()  # offsets, signed, of the same length
        for _ in range(bits.golomb()):
            bits.golomb()
    bits.golomb()  # reference frames
    bits.read(1)
    bits.golomb(), bits.golomb()  # width, height
    return number, _Sequence(bool(bits.read(1)), frame_num_bits, colour_planes)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


def _units_after_start_codes(data: bytes) -> Iterator[bytes]:
    begin = -1
    for match in _START_CODE.finditer(data):
        if 0 <= begin < match.start():
            yield data[begin : min(match.start(), begin + _SET_BYTES)]
        begin = match.end()
    if 0 <= begin < len(data):
        yield data[begin : begin + _SET_BYTES]


def _units_of_header(extradata: bytes) -> Iterator[bytes]:
    """Parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
    at = 5
    for mask in (31, 255):
        if at >= len(extradata):
            return
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            begin = at + 2
            at = begin + int.from_bytes(extradata[at:begin], "big")
            if at > begin and begin < len(extradata):
                yield extradata[begin:at]
