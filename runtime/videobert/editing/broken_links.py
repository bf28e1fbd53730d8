"""Key frames of HEVC that stand where they did not: ITU-T H.265, 7.4.2.2, and what decoders do with them, 8.1.3.

A picture of clean random access counts on from those before it, and pictures that lead it may need them. Where others
stand before it in a new film, and what led it is left out, it has to be called what it is then: a broken link without
leading pictures. That is its type, in the head of each of its units; nothing else of them changes.
"""

from __future__ import annotations

from collections.abc import Iterator

_CLEAN_ACCESS, _BROKEN_LINK = 21, 18
# Of a unit's first byte all but its type; of the first byte behind its head, that what came before is not shown.
_BUT_TYPE, _UNSHOWN = 0x81, 0x40


def as_broken_link(packet: bytes, length_bytes: int) -> bytes:
    """A packet whose units of clean random access are those of a broken link; other packets as they are.

    Args:
        length_bytes: how many bytes of length stand before each unit; 0 where start codes do.
    """
    found = bytearray(packet)
    for at in list(_units(packet, length_bytes)):
        if at + 2 < len(found) and found[at] >> 1 & 63 == _CLEAN_ACCESS:
            found[at] = found[at] & _BUT_TYPE | _BROKEN_LINK << 1
            found[at + 2] &= ~_UNSHOWN & 0xFF
    return bytes(found)


def _units(packet: bytes, length_bytes: int) -> Iterator[int]:
    """Where units begin."""
    at = 0
    while length_bytes and at + length_bytes < len(packet):
        begin = at + length_bytes
        yield begin
        at = begin + int.from_bytes(packet[at:begin], "big")
    while not length_bytes and (at := packet.find(b"\0\0\1", at)) >= 0:
        at += 3
        yield at
