"""The AMX path's tile configuration, read from the compiled module: few machines have the instruction to run it."""

from __future__ import annotations

import platform
import re
import struct
from pathlib import Path

import pytest

from videobert import _native

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="AMX is of x86-64")

# LDTILECFG whose operand lies at a distance from the instruction that follows: Intel SDM volume 2.
_LDTILECFG = re.compile(rb"\xc4\xe2\x78\x49\x05(....)", re.DOTALL)
# Palette 1; eight tiles of 16 rows by 64 bytes: Intel SDM volume 1, 18.3.
_CONFIGURATION = struct.pack("<BB14x8H16x8B8x", 1, 0, *[64] * 8, *[16] * 8)
_LOAD = 1


def test_the_whole_tile_configuration_is_a_constant_of_the_module() -> None:
    """A local one is written only as far as the compiler believes that the instruction reads."""
    module = Path(_native.__file__).read_bytes()
    segments = _segments(module)
    found = [
        (address + match.end() - match.start(), struct.unpack("<i", match[1])[0])
        for match in _LDTILECFG.finditer(module)
        for address in _addresses(segments, match.start())
    ]
    assert found, "no LDTILECFG reads a constant"
    for after, distance in found:
        (place,) = (
            after + distance - address + offset
            for offset, address, size in segments
            if address <= after + distance < address + size
        )
        assert module[place : place + 64] == _CONFIGURATION


def _segments(module: bytes) -> list[tuple[int, int, int]]:
    """Offset in the file, address and size of everything that an ELF file loads."""
    (table,) = struct.unpack_from("<Q", module, 32)
    entry_bytes, count = struct.unpack_from("<HH", module, 54)
    entries = [struct.unpack_from("<IIQQQQ", module, table + entry_bytes * number) for number in range(count)]
    return [(offset, address, size) for kind, _, offset, address, _, size in entries if kind == _LOAD]


def _addresses(segments: list[tuple[int, int, int]], offset: int) -> list[int]:
    return [address + offset - start for start, address, size in segments if start <= offset < start + size]
