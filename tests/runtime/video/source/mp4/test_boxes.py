"""Files that promise more than they hold are refused before the demuxer makes room for it; honest ones are read."""

from __future__ import annotations

import io
import resource
import runpy
import struct
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from videobert.base.errors import DecodeError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.mp4.boxes import check_boxes

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("made_boxes.py"))))
RECIPE = Recipe(frames=10, short_side=32, crop=32)


@pytest.mark.parametrize("data", made.HOSTILE.values(), ids=made.HOSTILE)
def test_a_promise_that_cannot_hold_is_refused(data):
    with pytest.raises(DecodeError, match=made.REFUSALS):
        made.check(data)


@pytest.mark.parametrize("data", made.HONEST.values(), ids=made.HONEST)
def test_what_a_file_can_hold_is_believed(data):
    made.check(data)


def test_the_work_is_bounded():
    """Boxes that overlap in what they claim, boxes within boxes, and boxes of nothing."""
    with pytest.raises(DecodeError, match="too many boxes"):
        made.check(made.movie(*[made.table(b"stsc", made.MANY)] * 4000) + made.box(b"mdat", bytes(40_000)))
    deep = b""
    for _ in range(2000):
        deep = made.box(b"moov", deep)
    made.check(deep)
    made.check(bytes(8) * 1000)


def test_a_large_box_of_many_small_ones_costs_no_more_than_its_bytes():
    """The whole box is held once: a copy of it for each box inside would take minutes."""
    tags = made.box(b"ilst", made.box(b"\xa9nam", bytes(492)) * 40_000)
    data = made.box(
        b"moov", made.box(b"trak"), made.box(b"udta", made.box(b"meta", bytes(4), made.handler(b"mdir"), tags))
    )
    began = time.process_time()
    made.check(data)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("kind", ["path", "bytes", "file", "stream"])
def test_a_small_file_costs_little_memory(factory, tmp_path, kind):
    """A real clip whose table of sizes is made to promise 20 million samples of one byte."""
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(12))
    data = bytearray(path.read_bytes())
    at = data.index(b"stsz")
    struct.pack_into(">II", data, at + 8, 1, made.MANY)
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stream = io.BufferedReader(io.BytesIO(data))
    stream.seekable = lambda: False
    source = {"path": path, "bytes": bytes(data), "file": io.BytesIO(data), "stream": stream}[kind]
    with pytest.raises(DecodeError, match="more samples than it can hold"):
        open_clips(source, RECIPE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize(
    ("suffix", "muxer"),
    [
        ("mp4", {}),
        ("mp4", {"movflags": "faststart"}),
        ("mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("mp4", {"movflags": "frag_every_frame+empty_moov+default_base_moof"}),
        ("mp4", {"movflags": "frag_keyframe+empty_moov+cmaf", "frag_duration": "200000"}),
        ("mov", {}),
    ],
    ids=str,
)
def test_real_files_are_read(factory, tmp_path, suffix, muxer):
    path = factory.write_clip(tmp_path / f"a.{suffix}", ticks=range(25), muxer=muxer, options={"bf": "2"})
    with path.open("rb") as file:
        for source in (path, path.read_bytes(), file):
            with open_clips(source, RECIPE) as stream:
                assert sum(10 - clip.padded_frames for clip in stream) == 20


def test_raw_pictures_of_one_size_are_read(factory, tmp_path):
    """Their table of sizes has one entry for all of them."""
    path = factory.write_clip(tmp_path / "a.mov", codec="rawvideo", pixel_format="yuyv422", ticks=range(25))
    assert struct.unpack_from(">I", path.read_bytes(), path.read_bytes().index(b"stsz") + 8) == (160 * 120 * 2,)
    with open_clips(path, RECIPE) as stream:
        assert sum(10 - clip.padded_frames for clip in stream) == 20


def test_an_index_of_fragments_is_believed_where_they_begin():
    head, parts = made.fragments(made.box(b"emsg", bytes(30)))
    whole = head + b"".join(parts)
    made.check(whole)
    assert made.through(whole) == whole
    for end in (len(head), len(head) + len(parts[0]), len(head) + len(parts[0]) + 5, len(whole) - 5):
        made.check(whole[:end])
        assert whole.startswith(made.through(whole[:end]))


@pytest.mark.parametrize("between", [struct.pack(">2I", 3, 0), made.box(b"mdat", bytes(30))[:-4]])
def test_an_index_that_leads_elsewhere_is_refused(between):
    """The demuxer goes there, past what no walk over the boxes can pass."""
    head, parts = made.fragments(between)
    for read in (made.check, made.through):
        with pytest.raises(DecodeError, match="names places where no fragment begins"):
            read(head + b"".join(parts))


@pytest.mark.parametrize("kind", [b"mdir", b"mdta"])
def test_tags_behind_a_track_of_sound_change_nothing(kind):
    tags = made.box(b"meta", bytes(4), made.handler(kind), made.box(b"ilst"))
    for data in (made.sound(tags), made.sound(made.box(b"udta", tags))):
        check_boxes(io.BytesIO(data), len(data) + 20_000_000)
        assert made.through(data) == data


@pytest.mark.parametrize("identity", [1, 20, 0x73746974])
def test_descriptions_of_timed_metadata_hold_another_table_of_keys(identity):
    keys = made.box(b"keys", struct.pack(">2I", 60, identity), b"keydmdtacom.apple.quicktime.still-image-time")
    description = made.box(b"mebx", bytes(8), keys)
    data = made.movie(made.box(b"stsd", struct.pack(">2I", 0, 1), description), kind=b"meta")
    made.check(data)
    assert made.through(data) == data
