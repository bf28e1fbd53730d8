"""Parameter sets of two encoders in one H.264 stream: ITU-T H.264, 7.3.2; ISO/IEC 14496-15, 5.3.3.1.

A packet that is copied names the parameter sets that its film came with. What is encoded anew has sets of its own under
a number that the film does not use, and both lie in the header of the new film: so no copied byte has to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from videobert.video.codec.unit_bits import SET_BYTES, UnitBits

_SPS, _PPS = 7, 8
_MOST_NUMBERS = 32


@dataclass(frozen=True, slots=True)
class H264Sets:
    """The parameter sets of a stream.

    Args:
        sequences, pictures: the units.
        head: the first four bytes of an `avcC` record: version, profile, compatibility, level; None where start codes
            separate units.
        length_bytes: how many bytes of length stand before each unit; 0 with start codes.
        rest: what follows the sets in the record.
    """

    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    head: bytes | None = None
    length_bytes: int = 0
    rest: bytes = b""

    @classmethod
    def read(cls, extradata: bytes) -> H264Sets:
        """Those of a stream's header.

        Raises:
            ValueError: it is cut short.
        """
        if extradata[:1] != b"\x01":
            found = list(units(extradata))
            return cls(_of(found, _SPS), _of(found, _PPS))
        if len(extradata) < 7:
            raise ValueError("the record of parameter sets is cut short")
        at, lists = 5, []
        for mask in (31, 255):
            if at >= len(extradata):
                raise ValueError("the record of parameter sets is cut short")
            count, at = extradata[at] & mask, at + 1
            sets = []
            for _ in range(count):
                end = at + 2 + int.from_bytes(extradata[at : at + 2], "big")
                if end > len(extradata):
                    raise ValueError("the record of parameter sets is cut short")
                sets.append(extradata[at + 2 : end])
                at = end
            lists.append(tuple(sets))
        return cls(lists[0], lists[1], extradata[:4], (extradata[4] & 3) + 1, extradata[at:])

    def free_number(self) -> int | None:
        """A number that no set has; None where all are taken or one cannot be read."""
        taken = set()
        try:
            for unit in self.sequences:
                taken.add(UnitBits(unit[4:SET_BYTES]).golomb())
            for unit in self.pictures:
                taken.add(UnitBits(unit[1:SET_BYTES]).golomb())
        except EOFError:
            return None
        return max(set(range(_MOST_NUMBERS)) - taken, default=None)

    def with_those_of(self, encoder: H264Sets) -> bytes:
        """A header with the sets of both.

        Raises:
            ValueError: there are more than one holds.
        """
        sequences, pictures = self.sequences + encoder.sequences, self.pictures + encoder.pictures
        if len(sequences) > 31 or len(pictures) > 255:
            raise ValueError("too many parameter sets")
        if self.head is None:
            return b"".join(b"\0\0\0\1" + unit for unit in sequences + pictures)
        # A decoder that cannot do the higher level must be told.
        level = max(self.head[3], *(unit[3] for unit in encoder.sequences))
        parts = [self.head[:3], bytes([level, 0xFC | (self.length_bytes - 1), 0xE0 | len(sequences)])]
        parts += [len(unit).to_bytes(2, "big") + unit for unit in sequences]
        parts += [bytes([len(pictures)])] + [len(unit).to_bytes(2, "big") + unit for unit in pictures]
        return b"".join(parts) + self.rest

    def as_in_film(self, packet: bytes) -> bytes:
        """A packet of the encoder, whose units begin with start codes, in the form of the film's packets."""
        if not self.length_bytes:
            return packet
        return b"".join(len(unit).to_bytes(self.length_bytes, "big") + unit for unit in units(packet))


def units(data: bytes) -> Iterator[bytes]:
    """The whole units between start codes, less the zeros behind them."""
    begin = data.find(b"\0\0\1")
    while begin >= 0:
        following = data.find(b"\0\0\1", begin + 3)
        unit = data[begin + 3 : following if following >= 0 else len(data)].rstrip(b"\0")
        if unit:
            yield unit
        begin = following


def _of(found: list[bytes], kind: int) -> tuple[bytes, ...]:
    return tuple(unit for unit in found if unit[0] & 31 == kind and len(unit) > 4 - (kind == _PPS) * 2)
