"""The boxes of an MP4 or QuickTime file, looked over before a demuxer believes them.

They are walked as the demuxer walks them, in any order and place; what is no box ends the walk, as it ends the
demuxer's. Where the demuxer would lose its place, the file is refused. Other containers begin with what no box begins
with, so nothing is found in them.
"""

from __future__ import annotations

import re
import zlib
from io import BytesIO

from videobert.base.errors import DecodeError
from videobert.video.source.byte_window import MOST_HEADER_BYTES, ByteWindow
from videobert.video.source.header_notes import HeaderNotes
from videobert.video.source.mp4.declared import FREE_ENTRIES, Declared
from videobert.video.source.mp4.tables import TABLES, read_table
from videobert.video.source.mp4.track_notes import NOTED, begin_track, note_box, note_descriptions
from videobert.video.source.readable import Seekable

_MOST_DEPTH = 12
_HOLDERS = frozenset(
    b"moov trak mdia minf stbl edts udta dinf tref mvex moof traf sinf schi ilst iref jp2h iprp ipco".split()
)
# Boxes that hold others behind fields of many layouts.
_SEARCHED = frozenset(b"stsd wave".split())
# The demuxer reads `keys` in `meta` alone; descriptions of timed metadata hold another table of that name.
_TABLE_NAMES = re.compile(b"|".join(sorted(TABLES - {b"keys"})))
# Each search hit costs more than a box.
_HIT_STEPS = 10
# Copies that the demuxer may make of a track whose sound comes in parts.
_SOUND_PARTS = 64
# A header that its writer gave up counts where the demuxer finds no other.
GIVEN_UP = frozenset(b"free hoov".split())
LOOKED_INTO = _HOLDERS | _SEARCHED | TABLES | GIVEN_UP | frozenset(b"meta cmov covr".split())
_PLACES = {b"trak": (b"", b"moov"), b"mdat": (b"", b"moov"), b"sidx": (b"",)}


def check_boxes(file: Seekable, size: int) -> HeaderNotes:
    """Refuse a file of `size` bytes that declares more samples than that.

    Returns:
        What was read on the way of its tracks.

    Raises:
        DecodeError: it declares what it cannot hold.
    """
    declared, notes = Declared(size), HeaderNotes()
    _BoxWalk(ByteWindow(file, size), declared, notes).over(0, size, b"", 0)
    declared.end()
    declared.hold()
    return notes


class BoxChecker:
    """The same for a file that is read once, front to back, and whose size nobody knows: box by box.

    What is promised may still come, so the boxes may be five million samples ahead of the bytes.

    Attributes:
        notes: what was read so far of the tracks.
    """

    def __init__(self) -> None:
        self._declared = Declared()
        self.notes = HeaderNotes()

    def begin(self, at: int, *, is_box: bool) -> None:
        """Take in where a box begins, or where what is no box begins.

        Raises:
            DecodeError: an index says otherwise.
        """
        self._declared.arrive(at, is_box=is_box)

    def check(self, box: bytes, seen_bytes: int) -> None:
        """Take in one whole box of the file.

        Args:
            box: it, with its head. What the demuxer may read behind it is not known here.
            seen_bytes: of the file, with this box.

        Raises:
            DecodeError: the boxes so far declare what such a file cannot hold, or a table runs past its box.
        """
        self._declared.size = seen_bytes
        window = ByteWindow(BytesIO(box), len(box), base=seen_bytes - len(box), bounded=True)
        _BoxWalk(window, self._declared, self.notes).over(0, len(box), b"", 0)
        self._declared.hold(unseen_samples=FREE_ENTRIES)


def is_given_up(body: bytes) -> bool:
    """Whether the content of a box of a kind in `GIVEN_UP` begins as a header does."""
    return body[4:8] in (b"mvhd", b"cmov")


def box_size(head: bytes) -> tuple[int, int]:
    """Size of a box and of its head, given its first 16 bytes; size 0 is a box to the end of what holds it."""
    size = int.from_bytes(head[:4])
    if size != 1:
        return size, 8
    size = int.from_bytes(head[8:16])
    return (0 if size == 8 else size), 16


class _BoxWalk:
    def __init__(self, window: ByteWindow, declared: Declared, notes: HeaderNotes) -> None:
        self._window, self._declared, self._notes = window, declared, notes
        self._in_track = False

    def over(self, at: int, end: int, parent: bytes, depth: int) -> None:
        """Take in the boxes between two offsets; `parent` is empty where a file or a header of its own begins."""
        while at + 8 <= end and depth <= _MOST_DEPTH:
            head = self._window.read(at, 16)
            (size, length), kind = box_size(head), head[4:8]
            body, size = at + length, size or end - at
            if depth == 0:
                self._declared.arrive(self._window.base + at, is_box=size >= length)
            if size < length:
                return
            self._declared.step()
            at = min(at + size, end)
            self._take(kind, body, at, parent, depth)

    def _take(self, kind: bytes, body: int, end: int, parent: bytes, depth: int) -> None:
        given_up = kind in GIVEN_UP and is_given_up(self._window.read(body, 8))
        # The demuxer leaves the parent at a track or film in the middle, and reads a property once for each item.
        misplaced = parent not in _PLACES.get(kind, (parent,)) or (parent == b"ipco" and kind in LOOKED_INTO - GIVEN_UP)
        if misplaced or (given_up and parent):
            raise _misplaced(kind, parent)
        if kind in NOTED and (self._in_track or kind == b"iinf"):
            note_box(kind, body, end, self._window, self._notes)
        if given_up:
            self._declared.tracks[-1].odd = True
            self.over(body, end, b"", depth + 1)
        elif kind == b"trak":
            self._declared.add_track()
            begin_track(self._notes)
            self._in_track = True
            self.over(body, end, kind, depth + 1)
            self._in_track = False
        elif kind in _HOLDERS:
            self._declared.fragments += kind == b"moof"
            self.over(body, end, kind, depth + 1)
        elif kind == b"meta":
            if (place := self._handler_of_meta(body, end)) is not None:
                self.over(place, end, kind, depth + 1)
        elif kind in _SEARCHED:
            self._search(kind, body, end)
        elif kind == b"cmov":
            self._inflate(body, end, depth)
        elif kind == b"covr":
            self._declared.pictures += self._window.content(body, end).count(b"data")
        elif kind in TABLES and (kind != b"hdlr" or self._in_track):
            self._read(kind, body, end)

    def _read(self, kind: bytes, body: int, end: int) -> None:
        track = self._declared.tracks[0 if kind == b"trun" else -1]
        read_table(kind, body, end, self._window, self._declared, track)

    def _handler_of_meta(self, body: int, end: int) -> int | None:
        """Where the first box of a `meta` begins: the demuxer looks for `hdlr` in steps of four bytes."""
        content = self._window.content(body, end)
        place = content.find(b"hdlr")
        while place >= 0 and place % 4:
            place = content.find(b"hdlr", place + 1)
        return None if place < 0 else body + place - 4

    def _search(self, kind: bytes, body: int, end: int) -> None:
        """Take in all that may be a table."""
        content = self._window.content(body, end)
        if kind == b"stsd":
            self._hold_descriptions(content)
            if self._in_track:
                note_descriptions(content, self._notes)
        track = self._declared.tracks[-1]
        if b"iacb" in content:
            track.edits += _SOUND_PARTS
        for found in _TABLE_NAMES.finditer(content):
            if found.group() == b"sidx":
                raise _misplaced(b"sidx", kind)
            self._declared.step(_HIT_STEPS)
            # A handler there would be taken for the track's.
            track.odd = True
            self._read(found.group(), body + found.end(), end)

    def _hold_descriptions(self, content: bytes) -> None:
        """The demuxer goes by the size of each description, past the end of what holds it."""
        at = 8
        for _ in range(int.from_bytes(content[4:8])):
            size = int.from_bytes(content[at : at + 4])
            if size < 8 or at >= len(content):
                return
            at += size
            if at > len(content):
                raise DecodeError(
                    "a sample description of this file runs past its box",
                    seen=f"{size} bytes",
                    fix="Check that the file plays, and write it anew.",
                )

    def _inflate(self, body: int, end: int, depth: int) -> None:
        """A header in compressed form: `dcom` with its method, then `cmvd` with its length."""
        if self._declared.inflated:
            raise DecodeError("this file has more than one compressed header", allowed=1, fix="Write it anew.")
        self._declared.inflated = True
        packed = self._window.content(body + 24, end)
        try:
            content = zlib.decompressobj().decompress(packed, MOST_HEADER_BYTES + 1)
        except zlib.error:
            return
        if len(content) > MOST_HEADER_BYTES:
            raise DecodeError(
                "this file's compressed header is too large", allowed=f"{MOST_HEADER_BYTES} bytes", fix="Write it anew."
            )
        window = ByteWindow(BytesIO(content), len(content))
        _BoxWalk(window, self._declared, self._notes).over(0, len(content), b"", depth + 1)


def _misplaced(kind: bytes, parent: bytes) -> DecodeError:
    return DecodeError(
        "a box of this file lies inside of another that cannot hold it",
        seen=f"{kind.decode('latin-1')} in {parent.decode('latin-1')}",
        fix="Check that the file plays, and write it anew.",
    )
