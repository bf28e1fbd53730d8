"""MP4 files made box by box, honest ones and such as promise more than they hold, and the two ways to check them."""

from __future__ import annotations

import io
import struct
import zlib

from videobert.video.source.mp4.boxes import check_boxes
from videobert.video.source.mp4.checked_stream import CheckedStream

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


def fragments(*extra):
    """Three fragments and their index, with something between the second and the third."""
    parts = [box(b"moof", box(b"traf", table(b"trun", 9))) + box(b"mdat", bytes(9)) for _ in range(3)]
    parts[1] += b"".join(extra)
    entries = [number for part in parts for number in (len(part), 1, 0)]
    return movie() + box(b"sidx", struct.pack(">5I2H", 0, 1, 1000, 0, 0, 0, 3), struct.pack(">9I", *entries)), parts


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
