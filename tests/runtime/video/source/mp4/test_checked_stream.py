"""Streams that are read once: a header that promises more than it can hold does not come through."""

from __future__ import annotations

import io
import runpy
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from videobert.base.errors import DecodeError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.byte_window import MOST_HEADER_BYTES
from videobert.video.source.mp4.checked_stream import CheckedStream

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("made_boxes.py"))))
RECIPE = Recipe(frames=10, short_side=32, crop=32)


@pytest.mark.parametrize("most", [1, 7, 1 << 20])
@pytest.mark.parametrize("data", made.HONEST.values(), ids=made.HONEST)
def test_what_is_honest_flows_through_unchanged(data, most):
    assert made.through(data, most=most, size=100) == data


@pytest.mark.parametrize("cut", [0, 3, 8, 12, 40, 100, -1])
@pytest.mark.parametrize("data", made.HONEST.values(), ids=made.HONEST)
def test_what_ends_early_flows_through_to_its_end_or_to_a_header_that_is_cut(data, cut):
    got = made.through(data[:cut])
    missing = data[len(got) : cut if cut >= 0 else len(data) + cut]
    assert data.startswith(got)
    assert missing == b"" or missing[4:8] in (b"moov", b"moof")


# Under five million entries, which a stream may ask for before anybody knows how long it is.
BELIEVED = ("two halves", "chunks of sound")


@pytest.mark.parametrize("name", [name for name in made.HOSTILE if name not in BELIEVED])
@pytest.mark.parametrize("most", [5, 1 << 20])
def test_a_promise_that_cannot_hold_does_not_come_through(name, most):
    with pytest.raises(DecodeError, match=f"{made.REFUSALS}|too large"):
        made.through(made.HOSTILE[name], most=most)


def test_fragments_may_add_up_as_bytes_come():
    data = (
        made.movie()
        + (made.box(b"moof", made.box(b"traf", made.table(b"trun", 900_000))) + made.box(b"mdat", bytes(900_000))) * 15
    )
    assert made.through(data, size=1 << 20) == data
    with pytest.raises(DecodeError, match="more samples"):
        made.through(made.movie() + made.box(b"moof", made.box(b"traf", made.table(b"trun", 900_000))) * 15)


def test_many_fragments_of_a_long_stream_flow_through(monkeypatch):
    """Ten fragments a second for hours."""
    monkeypatch.setattr("videobert.video.source.mp4.declared._FREE_STEPS", 2000)
    fragment = made.box(b"moof", made.box(b"traf", made.table(b"trun", 6))) + made.box(b"mdat", bytes(300))
    data = made.movie() + fragment * 3000
    made.check(data)
    assert made.through(data) == data


@pytest.mark.parametrize(
    "last",
    [
        made.box(b"stsz", bytes(4)),
        made.box(b"stsc", struct.pack(">2I", 0, 40)),
        made.box(b"stts", struct.pack(">2I", 0, 1)),
    ],
)
def test_a_table_that_goes_on_behind_its_header_is_refused(last):
    """The demuxer would read on in what follows."""
    with pytest.raises(DecodeError, match="runs past its box"):
        made.through(made.movie(last) + made.box(b"free", struct.pack(">2I", 1, made.MANY)))


def test_a_header_without_end_is_refused_before_it_is_read():
    huge = struct.pack(">I4s", MOST_HEADER_BYTES + 1, b"moov")
    source = made.Dribble(huge + bytes(MOST_HEADER_BYTES), 1 << 20)
    with pytest.raises(DecodeError, match="too large"):
        CheckedStream(source).read(4096)
    assert source.given == 8
    open_end = made.Dribble(struct.pack(">I4s", 0, b"moov") + bytes(MOST_HEADER_BYTES), 1 << 20)
    with pytest.raises(DecodeError, match="too large"):
        CheckedStream(open_end).read(4096)


def test_space_kept_free_is_not_read_ahead():
    source = made.Dribble(made.box(b"free", bytes(10_000_000)), 1 << 20)
    assert len(CheckedStream(source).read(100)) == 16
    assert source.given == 16


def test_nothing_follows_a_refusal():
    stream = CheckedStream(made.Dribble(made.HOSTILE["tracks"] + bytes(100), 1 << 20))
    with pytest.raises(DecodeError, match="too many tracks"):
        b"".join(iter(lambda: stream.read(100), b""))
    assert stream.read(100) == b""


def test_a_header_behind_its_film_is_named(factory, tmp_path, capfd):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(12))
    stream = io.BufferedReader(io.BytesIO(path.read_bytes()))
    stream.seekable = lambda: False
    with pytest.raises(DecodeError, match="header of this MP4 lies behind its film") as caught:
        open_clips(stream, RECIPE)
    assert "standard input, with - in place of its path" in str(caught.value.fix_cli)
    assert capfd.readouterr() == ("", "")
