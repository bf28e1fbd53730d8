"""Files that promise more than they hold are refused before the demuxer makes room for it; honest ones are read.

First files that can seek, then streams that are read once.
"""

from __future__ import annotations

import io
import resource
import struct
import time
import zlib

import pytest

from videobert.base.errors import DecodeError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.mp4.boxes import check_boxes
from videobert.video.source.mp4.checked_stream import CheckedStream
from videobert.video.source.mp4.tables import MOST_HEADER_BYTES

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


def compressed(content):
    return box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", bytes(4), zlib.compress(content)))


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
    "behind the name of a table": movie(
        box(b"stsd", bytes(8), box(b"free", b"stsz" + bytes(40)), table(b"stsz", 1, MANY))
    ),
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
    "a handler behind its track": movie(
        table(b"stts", 1, MANY, 1),
        table(b"stsc", 1, 1, MANY, 1),
        table(b"stco", 1, 48),
        table(b"stsz", 1, MANY),
        kind=b"none",
    )
    + handler(b"soun"),
    "runs of nothing at the end": movie(
        table(b"stts", 1, MANY, 1),
        table(b"stsc", 2, 1, MANY << 6, 1, 1, 0, 1),
        table(b"stco", 2, 48, 49),
        kind=b"soun",
    ),
    "times of their own": movie(table(b"ctts", 1, MANY, 1)),
    "groups": movie(box(b"sbgp", struct.pack(">I4s3I", 0, b"sync", 1, MANY, 1))),
    "encrypted samples": movie(table(b"senc", MANY)),
    "encrypted samples of one size": movie(box(b"saiz", struct.pack(">IBI", 0, 0, MANY))),
    "places of items": box(b"meta", bytes(4), handler(b"pict"), box(b"iloc", struct.pack(">IHI", 2 << 24, 0, MANY))),
    "a description larger than its box": movie(
        box(b"stsd", struct.pack(">2I", 0, 1), struct.pack(">I4s", 100, b"jpeg")), table(b"stsz", 1, 5)
    ),
    "within a description of sound": movie(box(b"wave", box(b"free", table(b"stsz", 1, MANY)))),
    "a property that is a table": movie() + box(b"iprp", box(b"ipco", table(b"trun", 9))),
    "covers of many fragments": movie(box(b"ilst", box(b"covr", box(b"data") * 900))) + box(b"moof") * 1200,
    "a compressed header in another": box(b"moov", compressed(compressed(b""))),
    "an index within a track": movie(table(b"sidx", *range(9))),
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
        "inside of another that",
        "too many fragments",
        "too many tracks",
        "description of this file runs past its box",
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


def test_a_large_box_of_many_small_ones_costs_no_more_than_its_bytes():
    """The whole box is held once: a copy of it for each box inside would take minutes."""
    tags = box(b"ilst", box(b"\xa9nam", bytes(492)) * 40_000)
    data = box(b"moov", box(b"trak"), box(b"udta", box(b"meta", bytes(4), handler(b"mdir"), tags)))
    began = time.process_time()
    check(data)
    assert time.process_time() - began < 5


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


def test_many_fragments_of_a_long_stream_flow_through(monkeypatch):
    """Ten fragments a second for hours."""
    monkeypatch.setattr("videobert.video.source.mp4.declared._FREE_STEPS", 2000)
    fragment = box(b"moof", box(b"traf", table(b"trun", 6))) + box(b"mdat", bytes(300))
    data = movie() + fragment * 3000
    check(data)
    assert through(data) == data


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


def test_nothing_follows_a_refusal():
    stream = CheckedStream(Dribble(HOSTILE["tracks"] + bytes(100), 1 << 20))
    with pytest.raises(DecodeError, match="too many tracks"):
        b"".join(iter(lambda: stream.read(100), b""))
    assert stream.read(100) == b""


def test_a_header_behind_its_film_is_named(factory, tmp_path, capfd):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(12))
    stream = io.BufferedReader(io.BytesIO(path.read_bytes()))
    stream.seekable = lambda: False
    with pytest.raises(DecodeError, match="header of this MP4 lies behind its film"):
        open_clips(stream, RECIPE)
    assert capfd.readouterr() == ("", "")


def fragments(*extra):
    """Three fragments and their index, with something between the second and the third."""
    parts = [box(b"moof", box(b"traf", table(b"trun", 9))) + box(b"mdat", bytes(9)) for _ in range(3)]
    parts[1] += b"".join(extra)
    entries = [number for part in parts for number in (len(part), 1, 0)]
    return movie() + box(b"sidx", struct.pack(">5I2H", 0, 1, 1000, 0, 0, 0, 3), struct.pack(">9I", *entries)), parts


def test_an_index_of_fragments_is_believed_where_they_begin():
    head, parts = fragments(box(b"emsg", bytes(30)))
    whole = head + b"".join(parts)
    check(whole)
    assert through(whole) == whole
    for end in (len(head), len(head) + len(parts[0]), len(head) + len(parts[0]) + 5, len(whole) - 5):
        check(whole[:end])
        assert whole.startswith(through(whole[:end]))


@pytest.mark.parametrize("between", [struct.pack(">2I", 3, 0), box(b"mdat", bytes(30))[:-4]])
def test_an_index_that_leads_elsewhere_is_refused(between):
    """The demuxer goes there, past what no walk over the boxes can pass."""
    head, parts = fragments(between)
    for read in (check, through):
        with pytest.raises(DecodeError, match="names places where no fragment begins"):
            read(head + b"".join(parts))


def sound(*behind, count=9_600_000):
    """Three minutes of sound in ticks of one sample, with what other programs put behind its track."""
    tables = (
        table(b"stts", 1, count, 1),
        table(b"stsc", 1, 1, 48_000, 1),
        table(b"stco", 200, *range(200)),
        table(b"stsz", 2, count),
    )
    track = movie(*tables, kind=b"soun")[8:]
    return box(b"moov", track, *behind)


@pytest.mark.parametrize("kind", [b"mdir", b"mdta"])
def test_tags_behind_a_track_of_sound_change_nothing(kind):
    tags = box(b"meta", bytes(4), handler(kind), box(b"ilst"))
    for data in (sound(tags), sound(box(b"udta", tags))):
        check_boxes(io.BytesIO(data), len(data) + 20_000_000)
        assert through(data) == data


@pytest.mark.parametrize("identity", [1, 20, 0x73746974])
def test_descriptions_of_timed_metadata_hold_another_table_of_keys(identity):
    keys = box(b"keys", struct.pack(">2I", 60, identity), b"keydmdtacom.apple.quicktime.still-image-time")
    description = box(b"mebx", bytes(8), keys)
    data = movie(box(b"stsd", struct.pack(">2I", 0, 1), description), kind=b"meta")
    check(data)
    assert through(data) == data
