"""The tables of an MP4 or QuickTime file, read as far as they tell what they declare."""

from __future__ import annotations

from videobert.base.errors import DecodeError
from videobert.video.source.byte_window import ByteWindow
from videobert.video.source.mp4.declared import Declared, Track

# Tables whose entries cost memory before one of them is read, and the bytes that an entry has at least.
_COUNTED = {b"keys": 8, b"iinf": 8, b"iloc": 6, b"dref": 12, b"sgpd": 1}
TABLES = frozenset(b"stsz stz2 trun elst stts stco co64 stsc hdlr sidx ctts sbgp senc saiz".split()) | frozenset(
    _COUNTED
)


def read_table(kind: bytes, body: int, end: int, window: ByteWindow, declared: Declared, track: Track) -> None:
    """Take in what a table declares.

    The demuxer reads most of them without a look at the size of their box, and adds them to the track that began last.

    Args:
        kind: of its box, one of `TABLES`.
        body: where in the window its content begins.
        end: where it ends, if its box tells the truth.
        window: to read it from.
        declared: of the file.
        track: the last one, or that of the fragments.

    Raises:
        DecodeError: it cannot be true.
    """
    number = window.number
    later = window.read(body, 1) > b"\0"  # than version 0
    track.tables[kind] += 1
    match kind:
        case b"stsz" | b"stz2":
            track.samples += number(body + 8)
        case b"trun":
            track.samples += number(body + 4)
        case b"elst":
            # The demuxer goes by the size of the box where that differs from the count.
            track.edits += max(number(body + 4), (end - body - 8) // 12)
        case b"stts":
            count = number(body + 4)
            track.ticks.add((count, number(body + 12) if count else 0))
        case b"stco" | b"co64":
            track.chunks += number(body + 4)
        case b"hdlr":
            track.handlers.add(window.read(body + 8, 4))
        case b"stsc":
            runs = window.entries(body + 8, number(body + 4), 3)
            declared.step(len(runs) // 4)
            track.most_in_chunk = max(track.most_in_chunk, int(runs[:, 1].max(initial=0)))
        case b"ctts":
            counts = window.entries(body + 8, number(body + 4), 2)
            declared.step(len(counts) // 4)
            track.offsets += int(counts[:, 0].sum())
        case b"sbgp":
            at = body + (12 if later else 8)
            counts = window.entries(at + 4, number(at), 2)
            declared.step(len(counts) // 4)
            track.grouped += int(counts[:, 0].sum())
        case b"senc":
            declared.encrypted += number(body + 4)
        case b"saiz":
            described = number(body) & 1
            declared.encrypted += number(body + (13 if described else 5))
        case b"sidx":
            _read_index(body, end, window, declared, later)
        case _:
            _hold_count(kind, body, end, window, declared)
    declared.recount(track)


def _read_index(body: int, end: int, window: ByteWindow, declared: Declared, later: bool) -> None:
    """Where the fragments of a `sidx` begin: the demuxer goes there, whatever lies between."""
    skipped = window.number(body + 20, 8) if later else window.number(body + 16)
    at = body + (28 if later else 20)
    references = window.entries(at + 4, window.number(at + 2, 2), 3)
    declared.fragments += len(references)
    place = window.base + end + skipped
    for size, _, _ in references.tolist():
        declared.expect(place)
        place += size & 0x7FFFFFFF


def _hold_count(kind: bytes, body: int, end: int, window: ByteWindow, declared: Declared) -> None:
    version = window.read(body, 1)
    match kind:
        case b"sgpd":
            count = window.number(body + (8 if version == b"\0" else 12))
        case b"iinf":
            count = window.number(body + 4, 2 if version == b"\0" else 4)
            declared.pictures += count
        case b"iloc":
            count = window.number(body + 6, 2 if version < b"\2" else 4)
        case _:
            count = window.number(body + 4)
    if count * _COUNTED[kind] > end - body:
        raise DecodeError(
            "a table of this file declares more entries than it can hold",
            seen=f"{count} in {end - body} bytes of {kind.decode()}",
            fix="Check that the file plays, and write it anew.",
        )
