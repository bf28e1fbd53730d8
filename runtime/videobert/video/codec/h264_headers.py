"""What the parameter sets and slice headers of H.264 say of a picture (ITU-T H.264, 7.3.2.1, 7.3.2.2 and 7.3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from videobert.video.codec.unit_bits import SET_BYTES, SLICE_BYTES, UnitBits, units_after_start_codes, units_of

_SLICE, _IDR_SLICE, _SPS, _PPS = 1, 5, 7, 8
# Profiles whose parameter sets state a chroma format (7.3.2.1.1).
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
_MOST_SEQUENCES, _MOST_PICTURE_SETS = 31, 255


@dataclass(frozen=True, slots=True)
class _Sequence:
    frames_only: bool
    frame_num_bits: int
    colour_planes: bool
    order_type: int
    order_bits: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The first slice of a picture, or one of the others.

    Args:
        idr: it begins a coded sequence.
        referred: other pictures may refer to it.
        frame_num: counts the pictures that others refer to, modulo 2 to the power of `frame_num_bits`.
        bottom: which field of a frame it belongs to; None for a frame.
        order_type: how the order of presentation is told: 0 by `order`, 2 as that of decoding.
        order: lowest `order_bits` bits of the place in the order of presentation.
    """

    idr: bool
    referred: bool
    frame_num: int
    frame_num_bits: int
    bottom: bool | None
    order_type: int
    order: int
    order_bits: int


class H264Headers:
    """Reads the headers of one stream, in the order of decoding.

    Args:
        extradata: the codec's parameters as the container stores them; None if it has none.
    """

    def __init__(self, extradata: bytes | None) -> None:
        self._sequences: dict[int, _Sequence] = {}
        self._sequence_of: dict[int, int] = {}  # of a picture parameter set
        self._length_bytes = 0
        if extradata and extradata[0] == 1 and len(extradata) > 6:
            self._length_bytes = (extradata[4] & 3) + 1
            for unit in _units_of_header(extradata):
                self._learn(unit)
        elif extradata:
            for unit in units_after_start_codes(extradata):
                self._learn(unit)

    @property
    def frames_only(self) -> bool:
        """Whether no sequence so far may hold fields."""
        return all(sequence.frames_only for sequence in self._sequences.values())

    def slices(self, data: bytes) -> Iterator[Slice | None]:
        """The slices of a packet, None for one that cannot be read; parameter sets are learnt on the way."""
        for unit in units_of(data, self._length_bytes):
            kind = unit[0] & 31
            if kind in (_SPS, _PPS):
                self._learn(unit)
            elif kind in (_SLICE, _IDR_SLICE):
                yield self._slice(unit)

    def _learn(self, unit: bytes) -> None:
        try:
            if unit[0] & 31 == _SPS:
                number, sequence = _sequence_in(UnitBits(unit[1:SET_BYTES]))
                if number <= _MOST_SEQUENCES:
                    self._sequences[number] = sequence
            elif unit[0] & 31 == _PPS:
                bits = UnitBits(unit[1:SLICE_BYTES])
                number = bits.golomb()
                if number <= _MOST_PICTURE_SETS:
                    self._sequence_of[number] = bits.golomb()
        except EOFError:  # damaged: the decoder will say so
            return

    def _slice(self, unit: bytes) -> Slice | None:
        bits, idr = UnitBits(unit[1:SLICE_BYTES]), unit[0] & 31 == _IDR_SLICE
        try:
            bits.golomb()  # first macroblock
            bits.golomb()  # type of slice
            sequence = self._sequences.get(self._sequence_of.get(bits.golomb(), -1))
            if sequence is None:
                return None
            if sequence.colour_planes:
                bits.read(2)
            frame_num = bits.read(sequence.frame_num_bits)
            is_field = not sequence.frames_only and bool(bits.read(1))
            bottom = bool(bits.read(1)) if is_field else None
            if idr:
                bits.golomb()
            order = bits.read(sequence.order_bits) if sequence.order_type == 0 else 0
        except EOFError:
            return None
        return Slice(
            idr=idr,
            referred=bool(unit[0] >> 5 & 3),
            frame_num=frame_num,
            frame_num_bits=sequence.frame_num_bits,
            bottom=bottom,
            order_type=sequence.order_type,
            order=order,
            order_bits=sequence.order_bits,
        )


def _sequence_in(bits: UnitBits) -> tuple[int, _Sequence]:
    """Number and contents of a sequence parameter set, as far as they are needed."""
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
    order_type, order_bits = bits.golomb(), 0
    if order_type == 0:
        order_bits = bits.golomb() + 4
    elif order_type == 1:
        bits.read(1)
        bits.golomb(), bits.golomb()  # offsets, signed, of the same length
        for _ in range(bits.golomb()):
            bits.golomb()
    bits.golomb()  # reference frames
    bits.read(1)
    bits.golomb(), bits.golomb()  # width, height
    return number, _Sequence(bool(bits.read(1)), frame_num_bits, colour_planes, order_type, order_bits)


def _skip_scaling_list(bits: UnitBits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


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
