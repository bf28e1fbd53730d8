"""The units that H.264 and HEVC are made of: where they begin, and how their headers are read bit by bit."""

from __future__ import annotations

import re
from collections.abc import Iterator

_START_CODE = re.compile(rb"\x00\x00\x01")
# What is looked at lies at the beginning of a unit; parameter sets with scaling lists are the longest.
SLICE_BYTES, SET_BYTES = 48, 1024


class UnitBits:
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


def units_of(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The beginning of each unit of a packet; `length_bytes` of length stand before it, or a start code if 0."""
    if not length_bytes:
        yield from units_after_start_codes(data)
        return
    at = 0
    while at + length_bytes < len(data):
        begin = at + length_bytes
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > begin:
            yield data[begin : min(at, begin + SET_BYTES)]


def units_after_start_codes(data: bytes) -> Iterator[bytes]:
    begin = -1
    for match in _START_CODE.finditer(data):
        if 0 <= begin < match.start():
            yield data[begin : min(match.start(), begin + SET_BYTES)]
        begin = match.end()
    if 0 <= begin < len(data):
        yield data[begin : begin + SET_BYTES]
