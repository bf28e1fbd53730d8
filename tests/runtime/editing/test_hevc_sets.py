"""Parameter sets of two HEVC encoders in one header, and units under other numbers."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.runtime.editing.film_factory import write_film

from videobert.editing.encoders import CODINGS, PieceEncoder
from videobert.editing.h264_sets import units
from videobert.editing.hevc_sets import (
    PPS,
    SPS,
    VPS,
    HevcNumbers,
    HevcSets,
    kind_of,
    lacks_sets,
    level_of,
    renumbered,
)
from videobert.video.codec.unit_bits import UnitBits

NUMBERS = HevcNumbers(15, 15, 30)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("hevc") / "a.mp4", codec="libx265", frames=6)


def header_of(path: Path) -> bytes:
    with av.open(str(path)) as film:
        return film.streams.video[0].codec_context.extradata or b""


def encoder_of(path: Path) -> PieceEncoder:
    with av.open(str(path)) as film:
        like = film.streams.video[0].codec_context
        return PieceEncoder(CODINGS["hevc"], like, Fraction(25), "yuv420p", header_apart=True, apart=True)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_both_are_there_under_their_own_numbers(tmp_path: Path, name: str) -> None:
    path = write_film(tmp_path / name, codec="libx265", frames=6)
    sets = HevcSets.read(header_of(path))
    numbers = sets.free_numbers()
    assert numbers == NUMBERS
    encoder = encoder_of(path)
    own = HevcSets.read(encoder.context.extradata or b"")
    header = sets.with_those_of(own, numbers)
    both = HevcSets.read(header)
    for kind in (VPS, SPS, PPS):
        assert both.of(kind) == (*sets.of(kind), *(renumbered(unit, numbers) for unit in own.of(kind)))
    assert both.length_bytes == sets.length_bytes
    # The numbers are taken now.
    assert both.free_numbers() is None
    if sets.head is not None:
        assert header[12] == max(level_of(unit) for unit in both.of(SPS)), "the level of the more demanding one"


def test_a_decoder_reads_both_encoders(film: Path) -> None:
    """Packets of a second encoder under their own numbers, between those of the film."""
    sets, encoder = HevcSets.read(header_of(film)), encoder_of(film)
    with av.open(str(film)) as given:
        frames = list(given.decode(video=0))
    header = sets.with_those_of(HevcSets.read(encoder.context.extradata or b""), NUMBERS)
    packets = [packet for at, frame in enumerate(frames) for packet in encoder.encode(at, frame)]
    packets += encoder.finish()
    own = [sets.as_in_film(bytes(packet), NUMBERS) for packet in packets]
    with av.open(str(film)) as given:
        copied = [bytes(packet) for packet in given.demux(video=0) if packet.size]
    decoder = av.CodecContext.create("hevc", "r")
    decoder.extradata = header
    shown = [frame for data in [*copied, *own, *copied] for frame in decoder.decode(av.Packet(data))] + list(
        decoder.decode(None)
    )
    assert len(shown) == 18
    for at, frame in enumerate(shown):
        difference = frame.to_ndarray().astype(int) - frames[at % 6].to_ndarray()
        assert abs(difference).mean() < (1.5 if 6 <= at < 12 else 1e-9)


def test_numbers_go_where_the_standard_has_them() -> None:
    sequence = bytes([SPS << 1, 1, 0x01, *bytes(12), 0b1010_0000, 0x55, 0x80])
    made = renumbered(sequence, NUMBERS)
    bits = UnitBits(made[2:])
    assert bits.read(4) == 15
    bits.read(4 + 96)
    assert bits.golomb() == 15
    assert (bits.read(7), bits.read(8)) == (0b0100000, 0x55)
    picture = UnitBits(renumbered(bytes([PPS << 1, 1, 0b1110_0101, 0x80]), NUMBERS)[2:])
    assert (picture.golomb(), picture.golomb(), picture.read(6)) == (30, 15, 0b100101)
    for kind, flags in ((1, 1), (19, 2), (21, 2)):
        data = bytes(random.Random(kind).choices(range(4), k=400)) + b"\x80"
        slice_ = bytes([kind << 1, 1, 0b1111_0000 if flags == 2 else 0b1100_0000]) + escaped(data)
        made = renumbered(slice_, NUMBERS)
        assert b"\0\0\0" not in made
        assert b"\0\0\1" not in made
        bits = UnitBits(made[2:])
        bits.read(flags)
        assert bits.golomb() == 30
        assert plain(made)[4:] == data, "what follows keeps its place in its bytes"
    message = bytes([39 << 1, 1, 5, 0])
    assert renumbered(message, NUMBERS) == message


def escaped(data: bytes) -> bytes:
    """7.4.2, byte by byte."""
    found, zeros = bytearray(), 0
    for byte in data:
        if zeros == 2 and byte <= 3:
            found.append(3)
            zeros = 0
        zeros = zeros + 1 if byte == 0 else 0
        found.append(byte)
    return bytes(found)


def plain(data: bytes) -> bytes:
    return data.replace(b"\0\0\3", b"\0\0")


def test_an_encoder_with_numbers_of_its_own_is_refused() -> None:
    for unit in (bytes([VPS << 1, 1, 0x10]), bytes([PPS << 1, 1, 0b0100_0000]), bytes([2, 1, 0b1010_0000])):
        with pytest.raises(ValueError, match="numbers of their own"):
            renumbered(unit, NUMBERS)


def test_packets_in_the_form_of_the_film() -> None:
    packet = b"\0\0\0\1" + bytes([SPS << 1, 1, 9, 9]) + b"\0\0\1" + bytes([78, 1, 5]) + b"\0"
    film = HevcSets((), head=bytes(21) + b"\1")
    assert film.length_bytes == 2
    assert film.as_in_film(packet, NUMBERS) == b"\0\3\x4e\1\5"
    assert list(units(HevcSets(()).as_in_film(packet, NUMBERS))) == [b"\x4e\1\5"]


def test_taken_numbers_and_missing_sets(film: Path) -> None:
    sets = HevcSets.read(header_of(film))
    for kind in (VPS, SPS, PPS):
        rest = tuple((byte, inside) for byte, inside in sets.arrays if byte & 63 != kind)
        assert HevcSets(rest, sets.head).free_numbers() is None
    taken = HevcSets(
        tuple(
            (byte, (*inside, *(renumbered(unit, NUMBERS) for unit in inside if kind_of(unit) == PPS)))
            for byte, inside in sets.arrays
        ),
        sets.head,
    )
    assert taken.free_numbers() == HevcNumbers(15, 15, 29)


def test_damaged_headers(film: Path) -> None:
    header = header_of(film)
    assert not lacks_sets(header)
    assert lacks_sets(header[:22] + b"\0")
    assert HevcSets.read(b"").free_numbers() is None
    last = len(HevcSets.read(header).arrays[-1][1][-1])
    for size in range(1, len(header) - last):
        with pytest.raises(ValueError, match="cut short"):
            HevcSets.read(header[:size])
        assert lacks_sets(header[:size])
    short = HevcSets(((VPS, (b"\x40\1\0",)), (SPS, (b"\x42\1\0",)), (PPS, (b"\x44\1\0",))))
    assert short.free_numbers() is None
