"""What the parameter sets and slice headers of HEVC say of the order of presentation (ITU-T H.265, 7.3.2 and 7.3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from videobert.video.codec.unit_bits import SET_BYTES, SLICE_BYTES, UnitBits, units_after_start_codes, units_of

_SPS, _PPS = 33, 34
_SLICES, _IRAP, _IDR = range(32), range(16, 24), range(19, 21)
_MOST_SEQUENCES, _MOST_PICTURE_SETS = 15, 63
# The profile of a stream, and of a layer in it.
_PROFILE_BITS, _LEVEL_BITS = 88, 8
_HEADER_AT = 22


@dataclass(frozen=True, slots=True)
class _Sequence:
    colour_planes: bool
    order_bits: int


@dataclass(frozen=True, slots=True)
class _PictureSet:
    sequence: int
    states_output: bool
    extra_bits: int


class HevcHeaders:
    """Reads the headers of one stream, in the order of decoding.

    Args:
        extradata: the codec's parameters as the container stores them; None if it has none.
    """

    def __init__(self, extradata: bytes | None) -> None:
        self._sequences: dict[int, _Sequence] = {}
        self._sets: dict[int, _PictureSet] = {}
        self._length_bytes = 0
        if extradata and extradata[0] == 1 and len(extradata) > _HEADER_AT:
            self._length_bytes = (extradata[21] & 3) + 1
            for unit in _units_of_header(extradata):
                self._learn(unit)
        elif extradata:
            for unit in units_after_start_codes(extradata):
                self._learn(unit)

    def order(self, data: bytes) -> tuple[int, int] | None:
        """Lowest bits of the place of a packet's picture in the order of presentation, and how many; None if unread."""
        for unit in units_of(data, self._length_bytes):
            if len(unit) < 3 or unit[0] & 1 or unit[1] >> 3:  # of another layer
                continue
            kind = unit[0] >> 1 & 63
            if kind in (_SPS, _PPS):
                self._learn(unit)
            elif kind in _SLICES:
                return self._order(unit, kind)
        return None

    def _order(self, unit: bytes, kind: int) -> tuple[int, int] | None:
        bits = UnitBits(unit[2:SLICE_BYTES])
        try:
            if not bits.read(1):  # not the first of its picture
                return None
            if kind in _IRAP:
                bits.read(1)
            pictures = self._sets.get(bits.golomb())
            sequence = None if pictures is None else self._sequences.get(pictures.sequence)
            if pictures is None or sequence is None:
                return None
            if kind in _IDR:
                return 0, sequence.order_bits
            bits.read(pictures.extra_bits)
            bits.golomb()  # type of slice
            if pictures.states_output:
                bits.read(1)
            if sequence.colour_planes:
                bits.read(2)
            return bits.read(sequence.order_bits), sequence.order_bits
        except EOFError:
            return None

    def _learn(self, unit: bytes) -> None:
        if len(unit) < 3:
            return
        kind, bits = unit[0] >> 1 & 63, UnitBits(unit[2:SET_BYTES])
        try:
            if kind == _SPS:
                number, sequence = _sequence_in(bits)
                if number <= _MOST_SEQUENCES:
                    self._sequences[number] = sequence
            elif kind == _PPS:
                number, of = bits.golomb(), bits.golomb()
                bits.read(1)
                if number <= _MOST_PICTURE_SETS:
                    self._sets[number] = _PictureSet(of, bool(bits.read(1)), bits.read(3))
        except EOFError:  # damaged: the decoder will say so
            return


def _sequence_in(bits: UnitBits) -> tuple[int, _Sequence]:
    """Number and contents of a sequence parameter set, as far as they are needed."""
    bits.read(4)
    layers = bits.read(3)
    bits.read(1 + _PROFILE_BITS + _LEVEL_BITS)
    stated = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile, level in stated:
        bits.read(profile * _PROFILE_BITS + level * _LEVEL_BITS)
    number = bits.golomb()
    colour_planes = bits.golomb() == 3 and bool(bits.read(1))
    bits.golomb(), bits.golomb()  # width, height
    if bits.read(1):
        bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()  # cropping
    bits.golomb(), bits.golomb()  # bit depths
    return number, _Sequence(colour_planes, bits.golomb() + 4)


def _units_of_header(extradata: bytes) -> Iterator[bytes]:
    """Parameter sets of an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1)."""
    at = _HEADER_AT + 1
    for _ in range(extradata[_HEADER_AT]):
        count, at = int.from_bytes(extradata[at + 1 : at + 3]), at + 3
        for _ in range(count):
            begin = at + 2
            at = begin + int.from_bytes(extradata[at:begin])
            if begin >= len(extradata):
                return
            if at > begin:
                yield extradata[begin:at]
