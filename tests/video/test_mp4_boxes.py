"""Files that promise more than they hold are refused before the demuxer makes room for it; honest ones are read.

First files that can seek, then streams that are read once.
"""

from __future__ import annotations

import io
import resource
import struct
import zlib

import pytest

from videobert.errors import DecodeError
from videobert.recipe import Recipe
from videobert.video import open_clips
from videobert.video.mp4_boxes import MOST_HEADER_BYTES, check_boxes
from videobert.video.mp4_stream import CheckedStream

RECIPE = Recipe(frames=10, short_side=32, crop=32)
MANY = 20_000_000


def box(kind, *parts, wide=False):
    body = b"".join(parts)
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return struct.pack(">I4s", 8 + len(body), kind) + body


def table(kind, *numbers):
    return box(kind, struct.pack(f">{1 + len(numbers)}I", 0, *numbers))


def handler(kind):
    return box(b"hdlr", bytes(8), kind, bytes(12))


def movie(*tables, edits=0, kind=b"vide", wide=False):
    edit_list = table(b"elst", edits, *(1, 0, 65536) * edits)
    media = box(b"mdia", handler(kind), box(b"minf", box(b"stbl", *tables), wide=wide))
    return box(b"moov", box(b"trak", box(b"edts", edit_list), media))


def check(data):
    check_boxes(io.BytesIO(data), len(data))


HOSTILE = {
    "equal samples": movie(table(b"stsz", 1, MANY)),
    "compact sizes": movie(table(b"stz2", 8, MANY)),
    "64-bit box sizes": movie(table(b"stsz", 1, MANY), wide=True),
    "a fragment": movie() + box(b"moof", box(b"traf", table(b"trun", MANY))),
    "two halves": movie(table(b"stsz", 1, 400)) + box(b"moof", box(b"traf", table(b"trun", 400))),
    "after the film": box(b"mdat", bytes(3000)) + movie(table(b"stsz", 1, MANY)),
    "within user data": box(b"moov", box(b"trak", box(b"udta", table(b"stsz", 1, MANY)))),
    "within metadata": box(b"moov", box(b"trak"), box(b"meta", bytes(4), handler(b"mdir"), table(b"stsz", 1, MANY))),
    "within a sample description": movie(box(b"stsd", bytes(20), table(b"stsz", 1, MANY))),
    "a header given up": box(b"free", table(b"mvhd", 0), *[movie(table(b"stsz", 1, MANY))[8:]]),
    "a compressed header": box(
        b"moov",
        box(
            b"cmov",
            box(b"dcom", b"zlib"),
            box(b"cmvd", bytes(4), zlib.compress(movie(table(b"stsz", 1, MANY)))),
        ),
    ),
    "a compressed header that never ends": box(
        b"moov", box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", bytes(4), zlib.compress(bytes(100 << 20))))
    ),
    "a box to the end, in 64 bits": struct.pack(">I4sQ", 1, b"moov", 8) + movie(table(b"stsz", 1, MANY))[8:],
    "a table to the end, in 64 bits": movie(struct.pack(">I4sQ", 1, b"stsz", 8) + table(b"stsz", 1, MANY)[8:]),
    "behind the name of a table": movie(box(b"stsd", box(b"free", b"stsz" + bytes(40)), table(b"stsz", 1, MANY))),
    "far within a sample description": movie(box(b"stsd", bytes(9000), table(b"stsz", 1, MANY))),
    "behind the name of a handler": box(
        b"moov",
        box(b"trak"),
        box(b"meta", bytes(4), box(b"free", b"xhdlr" + bytes(3)), handler(b"mdir"), table(b"stsz", 1, MANY)),
    ),
    "far within metadata": box(
        b"moov", box(b"trak"), box(b"meta", bytes(8404), handler(b"mdir"), table(b"stsz", 1, MANY))
    ),
    "a property of an item": movie() + box(b"iprp", box(b"ipco", table(b"stsz", 1, MANY))),
    "edits that their count denies": movie(
        box(b"edts", box(b"elst", bytes(8), bytes(12 * 300))), table(b"stsz", 1, 40_000)
    )
    + box(b"mdat", bytes(40_000)),
    "a track within a track": movie(box(b"tref", box(b"trak"))),
    "a header given up within a track": movie(box(b"free", table(b"mvhd", 0), handler(b"soun"))),
    "names of metadata": box(b"moov", box(b"meta", bytes(4), handler(b"mdta"), table(b"keys", MANY))),
    "items": box(b"meta", bytes(4), handler(b"pict"), box(b"iinf", struct.pack(">2I", 1 << 24, MANY))),
    "groups of samples": movie(box(b"sgpd", struct.pack(">I4s2I", 1 << 24, b"sync", 1, MANY))),
    "other files": movie(table(b"dref", MANY)),
    "fragments of many tracks": box(b"moov", *[box(b"trak")] * 900) + box(b"moof") * 1200,
    "an index of many tracks": box(b"moov", *[box(b"trak")] * 900)
    + table(b"sidx", 1, 1000, 0, 0, 9000, *(1, 1, 0) * 9000),
    "tracks": box(b"trak") * 1200,
    "edits": movie(table(b"stsz", 1, 40_000), edits=300) + box(b"mdat", bytes(40_000)),
    "sound that says it is text": movie(
        handler(b"subp"),
        table(b"stts", 1, MANY, 1),
        table(b"stsc", 1, 1, MANY, 1),
        table(b"stco", 1, 48),
        table(b"stsz", 1, MANY),
        kind=b"soun",
    ),
    "sound with a second table of runs": movie(
        table(b"stts", 1, MANY, 1),
        table(b"stsc", 1, 1, MANY, 1),
        table(b"stsc", 1, 1, 1, 1),
        table(b"stco", 2, 48, 49),
        table(b"stsz", 1, MANY),
        kind=b"soun",
    ),
    "chunks of sound": movie(
        table(b"stts", 1, MANY, 1),
        table(b"stsc", 2, 1, 5, 1, 2, MANY, 1),
        table(b"stco", 9, *range(9)),
        table(b"stsz", 1, 9),
        kind=b"soun",
    ),
}


REFUSALS = "|".join(
    (
        "more samples than it can hold",
        "more entries than it can hold",
        "compressed header",
        "inside of another box",
        "too many fragments",
        "too many tracks",
    )
)


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_promise_that_cannot_hold_is_refused(data):
    with pytest.raises(DecodeError, match=REFUSALS):
        check(data)


HONEST = {
    "one sample a byte": movie(table(b"stsz", 1, 3000)) + box(b"mdat", bytes(3000)),
    "to the end": movie(table(b"stsz", 1, 3000)) + struct.pack(">I4s", 0, b"mdat") + bytes(3000),
    "64-bit film": movie(table(b"stsz", 1, 3000)) + box(b"mdat", bytes(3000), wide=True),
    "fragments": movie() + (box(b"moof", box(b"traf", table(b"trun", 9))) + box(b"mdat", bytes(9))) * 50,
    "an edit list of a cut film": movie(table(b"stsz", 1, 9000), edits=100) + box(b"mdat", bytes(9000)),
    "sound of eleven samples a byte": movie(
        table(b"stts", 1, 44_100, 1),
        table(b"stsc", 1, 1, 4410, 1),
        table(b"stco", 10, *range(10)),
        table(b"stsz", 1, 44_100),
        kind=b"soun",
    )
    + box(b"mdat", bytes(4000)),
    "the names of tables in a text": box(b"moov", box(b"trak"), box(b"udta", box(b"desc", b"stsz box explained " * 9))),
    "no boxes": b"\x1aE\xdf\xa3" + bytes(range(256)) * 9,
    "a few bytes": b"\0\0\0",
}


@pytest.mark.parametrize("data", HONEST.values(), ids=HONEST)
def test_what_a_file_can_hold_is_believed(data):
    check(data)


def test_the_work_is_bounded():
    """Boxes that overlap in what they claim, boxes within boxes, and boxes of nothing."""
    with pytest.raises(DecodeError, match="too many boxes"):
        check(movie(*[table(b"stsc", MANY)] * 4000) + box(b"mdat", bytes(40_000)))
    deep = b""
    for _ in range(2000):
        deep = box(b"moov", deep)
    check(deep)
    check(bytes(8) * 1000)


@pytest.mark.parametrize("kind", ["path", "bytes", "file", "stream"])
def test_a_small_file_costs_little_memory(factory, tmp_path, kind):
    """A real clip whose table of sizes is made to promise 20 million samples of one byte."""
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(12))
    data = bytearray(path.read_bytes())
    at = data.index(b"stsz")
    struct.pack_into(">II", data, at + 8, 1, MANY)
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


class Dribble:
    """Gives at most so many bytes at once, as a network does."""

    def __init__(self, data, most):
        self._file, self._most = io.BytesIO(data), most
        self.given = 0

    def read(self, size):
        data = self._file.read(min(size, self._most))
        self.given += len(data)
        return data


def through(data, *, most=1 << 20, size=4096):
    stream = CheckedStream(Dribble(data, most))
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("most", [1, 7, 1 << 20])
@pytest.mark.parametrize("data", HONEST.values(), ids=HONEST)
def test_what_is_honest_flows_through_unchanged(data, most):
    assert through(data, most=most, size=100) == data


@pytest.mark.parametrize("cut", [0, 3, 8, 12, 40, 100, -1])
@pytest.mark.parametrize("data", HONEST.values(), ids=HONEST)
def test_what_ends_early_flows_through_to_its_end_or_to_a_header_that_is_cut(data, cut):
    got = through(data[:cut])
    missing = data[len(got) : cut if cut >= 0 else len(data) + cut]
    assert data.startswith(got)
    assert missing == b"" or missing[4:8] in (b"moov", b"moof")


# Under five million entries, which a stream may ask for before anybody knows how long it is.
BELIEVED = ("two halves", "chunks of sound")


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in BELIEVED])
@pytest.mark.parametrize("most", [5, 1 << 20])
def test_a_promise_that_cannot_hold_does_not_come_through(name, most):
    with pytest.raises(DecodeError, match=f"{REFUSALS}|too large"):
        through(HOSTILE[name], most=most)


def test_fragments_may_add_up_as_bytes_come():
    data = movie() + (box(b"moof", box(b"traf", table(b"trun", 900_000))) + box(b"mdat", bytes(900_000))) * 15
    assert through(data, size=1 << 20) == data
    with pytest.raises(DecodeError, match="more samples"):
        through(movie() + box(b"moof", box(b"traf", table(b"trun", 900_000))) * 15)


@pytest.mark.parametrize(
    "last",
    [
        box(b"stsz", bytes(4)),
        box(b"stsc", struct.pack(">2I", 0, 40)),
        box(b"stts", struct.pack(">2I", 0, 1)),
    ],
)
def test_a_table_that_goes_on_behind_its_header_is_refused(last):
    """The demuxer would read on in what follows."""
    with pytest.raises(DecodeError, match="runs past its box"):
        through(movie(last) + box(b"free", struct.pack(">2I", 1, MANY)))


def test_a_header_without_end_is_refused_before_it_is_read():
    huge = struct.pack(">I4s", MOST_HEADER_BYTES + 1, b"moov")
    source = Dribble(huge + bytes(MOST_HEADER_BYTES), 1 << 20)
    with pytest.raises(DecodeError, match="too large"):
        CheckedStream(source).read(4096)
    assert source.given == 8
    open_end = Dribble(struct.pack(">I4s", 0, b"moov") + bytes(MOST_HEADER_BYTES), 1 << 20)
    with pytest.raises(DecodeError, match="too large"):
        CheckedStream(open_end).read(4096)


def test_space_kept_free_is_not_read_ahead():
    source = Dribble(box(b"free", bytes(10_000_000)), 1 << 20)
    assert len(CheckedStream(source).read(100)) == 16
    assert source.given == 16


def test_a_refusal_stands():
    stream = CheckedStream(Dribble(HOSTILE["tracks"] + bytes(100), 1 << 20))
    for _ in range(3):
        with pytest.raises(DecodeError, match="too many tracks"):
            b"".join(iter(lambda: stream.read(100), b""))


def test_a_header_behind_its_film_is_named(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(12))
    stream = io.BufferedReader(io.BytesIO(path.read_bytes()))
    stream.seekable = lambda: False
    with pytest.raises(DecodeError, match="header of this MP4 lies behind its film"):
        open_clips(stream, RECIPE)
