"""Parameter sets of two encoders in one header."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.runtime.editing.film_factory import write_film

from videobert.editing.encoders import CODINGS, PieceEncoder
from videobert.editing.h264_sets import H264Sets, units


def header_of(path: Path) -> bytes:
    with av.open(str(path)) as film:
        return film.streams.video[0].codec_context.extradata or b""


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_both_are_there_under_their_own_numbers(tmp_path: Path, name: str) -> None:
    path = write_film(tmp_path / name)
    sets = H264Sets.read(header_of(path))
    number = sets.free_number()
    assert number is not None
    with av.open(str(path)) as film:
        like = film.streams.video[0].codec_context
        options = {"x264-params": f"sps-id={number}"}
        encoder = PieceEncoder(CODINGS["h264"], like, Fraction(25), "yuv420p", header_apart=True, options=options)
    own = H264Sets.read(encoder.context.extradata or b"")
    both = H264Sets.read(sets.with_those_of(own))
    assert (both.sequences, both.pictures) == (sets.sequences + own.sequences, sets.pictures + own.pictures)
    assert (both.length_bytes, both.rest) == (sets.length_bytes, sets.rest)
    # The number is taken now.
    assert both.free_number() not in (None, number)


def test_packets_in_the_form_of_the_film() -> None:
    packet = b"\0\0\0\1\x65abc\0\0\1\x41de\0"
    assert list(units(packet)) == [b"\x65abc", b"\x41de"]
    film = H264Sets((b"sps0",), (b"pps0",), head=b"\1abc", length_bytes=2)
    assert film.as_in_film(packet) == b"\0\4\x65abc\0\3\x41de"
    assert H264Sets((), ()).as_in_film(packet) == packet


def test_damaged_headers(tmp_path: Path) -> None:
    header = header_of(write_film(tmp_path / "a.mp4"))
    for size in range(1, len(header) - 8):
        with pytest.raises(ValueError, match="cut short"):
            H264Sets.read(header[:size])
    assert H264Sets.read(b"") == H264Sets((), ())
    assert H264Sets((b"\x67abc\0",), ()).free_number() is None
    many = H264Sets(tuple(b"\x67abc\x80" for _ in range(31)), ())
    with pytest.raises(ValueError, match="too many"):
        many.with_those_of(H264Sets((b"\x67abc\x40",), ()))
