"""Parameter sets of two encoders in one HEVC stream: ITU-T H.265, 7.3.1 to 7.3.6; ISO/IEC 14496-15, 8.3.3.1.

A packet that is copied names the parameter sets that its film came with. What is encoded anew gets sets under numbers
that the film does not use, and all lie in the header of the new film: so no copied byte has to change, and the film is
one that keeps its sets in its header (`hvc1`), which all players know. The encoder knows no numbers but nought; the
ones that stand for it are those whose code is a byte longer, so that what follows them in a unit keeps its place in its
bytes: slices' arithmetic code must.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from videobert.editing.h264_sets import units
from videobert.video.codec.unit_bits import SET_BYTES, UnitBits

VPS, SPS, PPS = 32, 33, 34
_SLICES, _IRAP = range(32), range(16, 24)
_MOST_VIDEO_SETS = 16
# Numbers whose Exp-Golomb code has nine bits, where that of nought has one; there are sixteen sequence sets at most.
_SEQUENCE, _PICTURES = 15, range(30, 14, -1)
_ADDED_BITS = 8
_HEAD_BYTES, _LEVEL_AT, _LENGTH_AT = 22, 12, 21
# In a unit: its own head, and what stands before the number of a sequence set if it has one temporal layer.
_UNIT_BITS, _LAYERS_AT, _PROFILE_BITS, _LEVEL_BITS = 16, 20, 88, 8


@dataclass(frozen=True, slots=True)
class HevcNumbers:
    """What the encoder's sets are called: of the video, of the sequence and of the pictures."""

    video: int
    sequence: int
    picture: int


@dataclass(frozen=True, slots=True)
class HevcSets:
    """The parameter sets of a stream.

    Args:
        arrays: pairs of a byte, the type of units in its lowest six bits, and the units; of other types too.
        head: the first 22 bytes of an `hvcC` record; None where start codes separate units.
    """

    arrays: tuple[tuple[int, tuple[bytes, ...]], ...]
    head: bytes | None = None

    @classmethod
    def read(cls, extradata: bytes) -> HevcSets:
        """Those of a stream's header.

        Raises:
            ValueError: it is cut short.
        """
        if extradata[:1] != b"\x01":
            found = [unit for unit in units(extradata) if len(unit) > 2]
            return cls(tuple((kind, tuple(u for u in found if kind_of(u) == kind)) for kind in (VPS, SPS, PPS)))
        at, arrays = _HEAD_BYTES + 1, []
        try:
            for _ in range(extradata[_HEAD_BYTES]):
                kind, count, at = extradata[at], int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
                if at > len(extradata):
                    raise IndexError
                inside = []
                for _ in range(count):
                    end = at + 2 + int.from_bytes(extradata[at : at + 2], "big")
                    if end > len(extradata) or end < at + 4:
                        raise IndexError
                    inside.append(extradata[at + 2 : end])
                    at = end
                arrays.append((kind, tuple(inside)))
        except IndexError:
            raise ValueError("the record of parameter sets is cut short") from None
        return cls(tuple(arrays), extradata[:_HEAD_BYTES])

    @property
    def length_bytes(self) -> int:
        """How many bytes of length stand before each unit of a packet; 0 with start codes."""
        return 0 if self.head is None else (self.head[_LENGTH_AT] & 3) + 1

    def of(self, kind: int) -> tuple[bytes, ...]:
        """The units of a type."""
        return tuple(unit for byte, inside in self.arrays if byte & 63 == kind for unit in inside)

    def free_numbers(self) -> HevcNumbers | None:
        """Numbers that no set has; None where those for an encoder are taken, a set is missing or cannot be read."""
        if not (self.of(VPS) and self.of(SPS) and self.of(PPS)):
            return None
        try:
            sequences = {_number(unit, _sequence_at(unit)) for unit in self.of(SPS)}
            pictures = {_number(unit, _UNIT_BITS) for unit in self.of(PPS)}
        except EOFError:
            return None
        video = max(set(range(_MOST_VIDEO_SETS)) - {unit[2] >> 4 for unit in self.of(VPS)}, default=None)
        picture = next((number for number in _PICTURES if number not in pictures), None)
        if video is None or picture is None or _SEQUENCE in sequences:
            return None
        return HevcNumbers(video, _SEQUENCE, picture)

    def with_those_of(self, encoder: HevcSets, numbers: HevcNumbers) -> bytes:
        """A header with the sets of both, the encoder's under these numbers.

        Raises:
            ValueError: the encoder's own numbers are not nought.
        """
        added = {kind: tuple(renumbered(unit, numbers) for unit in encoder.of(kind)) for kind in (VPS, SPS, PPS)}
        if self.head is None:
            return b"".join(b"\0\0\0\1" + unit for kind in (VPS, SPS, PPS) for unit in (*self.of(kind), *added[kind]))
        # A decoder that cannot do the higher level must be told; that of an encoder stands in its sequence set.
        levels = [level_of(unit) for unit in encoder.of(SPS)]
        head = bytearray(self.head)
        head[_LEVEL_AT] = max(head[_LEVEL_AT], *levels)
        parts = [bytes(head), bytes([len(self.arrays)])]
        for byte, inside in self.arrays:
            together = (*inside, *added.pop(byte & 63, ()))
            parts += [bytes([byte]), len(together).to_bytes(2, "big")]
            parts += [len(unit).to_bytes(2, "big") + unit for unit in together]
        return b"".join(parts)

    def as_in_film(self, packet: bytes, numbers: HevcNumbers) -> bytes:
        """A packet of the encoder, whose units begin with start codes, in the form of the film's packets."""
        found = [renumbered(unit, numbers) for unit in units(packet) if kind_of(unit) not in (VPS, SPS, PPS)]
        if not self.length_bytes:
            return b"".join(b"\0\0\0\1" + unit for unit in found)
        return b"".join(len(unit).to_bytes(self.length_bytes, "big") + unit for unit in found)


def kind_of(unit: bytes) -> int:
    """The type of a unit."""
    return unit[0] >> 1 & 63


def lacks_sets(extradata: bytes) -> bool:
    """Whether a stream's header holds no parameter sets: then its packets do."""
    try:
        return not HevcSets.read(extradata).of(SPS)
    except ValueError:
        return True


def level_of(sequence: bytes) -> int:
    """The level that a sequence set asks for, thirty times its name."""
    return UnitBits(sequence[2:SET_BYTES]).read(8 + _PROFILE_BITS + _LEVEL_BITS) & 255


def renumbered(unit: bytes, numbers: HevcNumbers) -> bytes:
    """A unit of an encoder whose sets have the number nought, under other numbers; units of other types stay.

    Raises:
        ValueError: it has another number.
    """
    kind = kind_of(unit)
    if kind == VPS:
        return _exchanged(unit, [], numbers.video)
    if kind == SPS:
        return _exchanged(unit, [(_sequence_at(unit), numbers.sequence)], numbers.video)
    if kind == PPS:
        return _exchanged(unit, [(_UNIT_BITS, numbers.picture), (_UNIT_BITS + 1, numbers.sequence)])
    if kind in _SLICES:
        # After whether it is the first of its picture; of one where decoding may begin, a flag more stands before.
        return _exchanged(unit, [(_UNIT_BITS + 1 + (kind in _IRAP), numbers.picture)])
    return unit


def _exchanged(unit: bytes, codes: Iterable[tuple[int, int]], video: int | None = None) -> bytes:
    """A unit whose codes for nought at these bits stand for other numbers; `video` goes into its first four bits."""
    plain = unit.replace(b"\0\0\3", b"\0\0")
    if video is not None:
        if plain[2] >> 4:
            raise ValueError("the encoder's parameter sets have numbers of their own")
        plain = plain[:2] + bytes([video << 4 | plain[2] & 15]) + plain[3:]
    for added, (at, number) in enumerate(codes):
        at += added * _ADDED_BITS
        byte, bit = divmod(at, 8)
        before, rest = plain[byte] >> (8 - bit), plain[byte] & ((1 << (8 - bit)) - 1)
        if not rest >> (7 - bit):
            raise ValueError("the encoder's parameter sets have numbers of their own")
        # The code of nought is a one; that of the other number, four noughts and itself plus one in five bits.
        grown = before << (16 - bit) | (number + 1) << (7 - bit) | rest & ((1 << (7 - bit)) - 1)
        plain = plain[:byte] + grown.to_bytes(2, "big") + plain[byte + 1 :]
    return _escaped(plain)


def _escaped(plain: bytes) -> bytes:
    """A unit with the bytes that keep start codes from appearing in it (7.4.2)."""
    escaped = re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\0\0\3", plain)
    return escaped + b"\3" if escaped[-1:] == b"\0" else escaped


def _number(unit: bytes, at: int) -> int:
    bits = UnitBits(unit[:SET_BYTES])
    bits.read(at)
    return bits.golomb()


def _sequence_at(unit: bytes) -> int:
    """At which bit of a sequence set, less the bytes that keep start codes away, its number begins."""
    bits = UnitBits(unit[:SET_BYTES])
    bits.read(_LAYERS_AT)
    layers = bits.read(3)  # beside the first
    bits.read(1 + _PROFILE_BITS + _LEVEL_BITS)
    at = _LAYERS_AT + 4 + _PROFILE_BITS + _LEVEL_BITS
    if layers:
        flags = [(bits.read(1), bits.read(1)) for _ in range(8)]
        at += 16 + sum(_PROFILE_BITS * profile + _LEVEL_BITS * level for profile, level in flags[:layers])
    return at
