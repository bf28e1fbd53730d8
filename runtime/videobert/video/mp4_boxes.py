"""The boxes of an MP4 or QuickTime file, looked over before a demuxer believes them.

They are walked as the demuxer walks them, in any order and place; what is no box ends the walk, as it ends the
demuxer's. Where the demuxer would lose its place, the file is refused. Other containers begin with what no box begins
with, so nothing is found in them.
"""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO
from typing import Protocol

from videobert.errors import DecodeError
from videobert.video.mp4_promises import FREE_ENTRIES, Promises, Track

# Sound in ticks of one sample is cut into pieces of at least so many samples.
_PIECE_SAMPLES = 160
_MOST_DEPTH = 12
MOST_HEADER_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 13
_HOLDERS = frozenset(
    b"moov trak mdia minf stbl edts udta dinf tref mvex moof traf sinf schi ilst iref wave jp2h iprp ipco".split()
)
# Tables whose entries cost memory before one of them is read, and the bytes that an entry has at least.
_COUNTED = {b"keys": 8, b"iinf": 8, b"dref": 12, b"sgpd": 1}
_TABLES = frozenset(b"stsz stz2 trun elst stts stco co64 stsc hdlr sidx".split()) | frozenset(_COUNTED)
_TABLE_NAMES = re.compile(b"|".join(sorted(_TABLES)))
# A header that its writer gave up counts where the demuxer finds no other.
GIVEN_UP = frozenset(b"free hoov".split())
LOOKED_INTO = _HOLDERS | _TABLES | GIVEN_UP | frozenset(b"meta stsd cmov".split())


class Seekable(Protocol):
    """A binary file that can be read anywhere."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


def check_boxes(file: Seekable, size: int) -> None:
    """Refuse a file of `size` bytes that declares more samples than that.

    Raises:
        DecodeError: it declares what it cannot hold.
    """
    promises = Promises()
    _Walk(file, size, promises).over(0, size, b"", 0)
    promises.hold_against(size)


class BoxChecker:
    """The same for a file that is read once, front to back, and whose size nobody knows: box by box.

    What is promised may still come, so the boxes may be five million samples ahead of the bytes.
    """

    def __init__(self) -> None:
        self._promises = Promises()

    def check(self, box: bytes, seen_bytes: int) -> None:
        """Take in one whole box of the file.

        Args:
            box: it, with its head. What the demuxer may read behind it is not known here.
            seen_bytes: of the file, with this box.

        Raises:
            DecodeError: the boxes so far declare what such a file cannot hold, or a table runs past its box.
        """
        _Walk(BytesIO(box), len(box), self._promises, bounded=True).over(0, len(box), b"", 0)
        self._promises.hold_against(seen_bytes, unseen_samples=FREE_ENTRIES)


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


class _Walk:
    def __init__(self, file: Seekable, size: int, promises: Promises, *, bounded: bool = False) -> None:
        self._file, self._size, self._promises = file, size, promises
        self._bounded = bounded  # whether there is more behind the end, which cannot be read here
        self._block, self._block_at = b"", 0

    def over(self, at: int, end: int, parent: bytes, depth: int) -> None:
        """Take in the boxes between two offsets; `parent` is empty where a file or a header of its own begins."""
        while at + 8 <= end and depth <= _MOST_DEPTH:
            head = self._bytes(at, 16)
            (size, length), kind = box_size(head), head[4:8]
            body, size = at + length, size or end - at
            if size < length:
                return
            self._promises.step()
            at = min(at + size, end)
            self._take(kind, body, at, parent, depth)

    def _take(self, kind: bytes, body: int, end: int, parent: bytes, depth: int) -> None:
        given_up = kind in GIVEN_UP and is_given_up(self._bytes(body, 8))
        if (given_up and parent) or (kind in (b"trak", b"mdat") and parent not in (b"", b"moov")):
            # The demuxer leaves the parent there, in the middle.
            raise DecodeError(
                "a header, track or film lies inside of another box of this file",
                seen=f"{kind.decode()} in {parent.decode()}",
                fix="Check that the file plays, and write it anew.",
            )
        if kind == b"trak":
            self._promises.add_track()
        elif kind == b"moof":
            self._promises.fragments += 1
        if given_up:
            self._promises.tracks[-1].odd = True
            self.over(body, end, b"", depth + 1)
        elif kind in _HOLDERS:
            self.over(body, end, kind, depth + 1)
        elif kind == b"meta":
            if (place := self._handler_of_meta(body, end)) is not None:
                self.over(place, end, kind, depth + 1)
        elif kind == b"stsd":
            self._search(body, end)
        elif kind == b"cmov":
            self._inflate(body, end, depth)
        else:
            self._read(kind, body, end)

    def _handler_of_meta(self, body: int, end: int) -> int | None:
        """Where the first box of a `meta` begins: the demuxer looks for `hdlr` in steps of four bytes."""
        content = self._bytes(body, min(end - body, MOST_HEADER_BYTES))
        place = content.find(b"hdlr")
        while place >= 0 and place % 4:
            place = content.find(b"hdlr", place + 1)
        return None if place < 0 else body + place - 4

    def _search(self, body: int, end: int) -> None:
        """Take in all that may be a table: sample descriptions hold boxes behind fields of many layouts."""
        content = self._bytes(body, min(end - body, MOST_HEADER_BYTES))
        for found in _TABLE_NAMES.finditer(content):
            self._promises.step()
            # A handler there would be taken for the track's.
            self._promises.tracks[-1].odd = True
            self._read(found.group(), body + found.end(), end)

    def _read(self, kind: bytes, body: int, end: int) -> None:
        """Take in a table; the demuxer reads most of them without a look at the size of their box."""
        if kind not in _TABLES:
            return
        track = self._promises.tracks[-1]
        track.tables[kind] += 1
        match kind:
            case b"stsz" | b"stz2":
                track.samples += self._number(body + 8)
            case b"trun":
                track = self._promises.tracks[0]
                track.samples += self._number(body + 4)
            case b"elst":
                # The demuxer goes by the size of the box where that differs from the count.
                track.edits += max(self._number(body + 4), (end - body - 8) // 12)
            case b"stts":
                count = self._number(body + 4)
                track.ticks.add((count, self._number(body + 12) if count else 0))
            case b"stco" | b"co64":
                track.chunks += self._number(body + 4)
            case b"hdlr":
                track.handlers.add(self._bytes(body + 8, 4))
            case b"stsc":
                self._read_runs(track, body + 8, self._number(body + 4))
            case b"sidx":
                references = self._number(body + (28 if self._bytes(body, 1) > b"\0" else 20)) & 0xFFFF
                self._promises.fragments += references
            case _:
                self._hold_count(kind, body, end)
        self._promises.recount(track)

    def _hold_count(self, kind: bytes, body: int, end: int) -> None:
        versioned = self._bytes(body, 1) > b"\0"
        match kind:
            case b"sgpd":
                count = self._number(body + (12 if versioned else 8))
            case b"iinf" if not versioned:
                count = self._number(body + 4) >> 16
            case _:
                count = self._number(body + 4)
        if count * _COUNTED[kind] > end - body:
            raise DecodeError(
                "a table of this file declares more entries than it can hold",
                seen=f"{count} in {end - body} bytes of {kind.decode()}",
                fix="Check that the file plays, and write it anew.",
            )

    def _read_runs(self, track: Track, at: int, count: int) -> None:
        if self._bounded and at + 12 * count > self._size:
            raise _past_its_box()
        count = max(0, min(count, (self._size - at) // 12))
        self._promises.step(count)
        for entry in range(at, at + 12 * count, 12):
            first, samples = struct.unpack(">2I", self._bytes(entry, 8))
            began, pieces = track.last_run
            track.pieces += max(0, first - began) * pieces
            track.last_run = (first, -(-samples // _PIECE_SAMPLES))

    def _inflate(self, body: int, end: int, depth: int) -> None:
        """A header in compressed form: `dcom` with its method, then `cmvd` with its length."""
        packed = self._bytes(body + 24, min(end - body - 24, MOST_HEADER_BYTES))
        try:
            content = zlib.decompressobj().decompress(packed, MOST_HEADER_BYTES + 1)
        except zlib.error:
            return
        if len(content) > MOST_HEADER_BYTES:
            raise DecodeError(
                "this file's compressed header is too large", allowed=f"{MOST_HEADER_BYTES} bytes", fix="Write it anew."
            )
        _Walk(BytesIO(content), len(content), self._promises).over(0, len(content), b"", depth + 1)

    def _number(self, at: int) -> int:
        if self._bounded and at + 4 > self._size:
            raise _past_its_box()
        return int.from_bytes(self._bytes(at, 4).ljust(4, b"\0"))

    def _bytes(self, at: int, count: int) -> bytes:
        """As many bytes as there are, from a block that is kept."""
        count = max(0, min(count, self._size - at))
        if count and not self._block_at <= at <= at + count <= self._block_at + len(self._block):
            self._file.seek(at)
            block, wanted = bytearray(), max(count, _BLOCK_BYTES)
            while len(block) < wanted and (more := self._file.read(min(wanted - len(block), 1 << 20))):
                block += more
            self._block, self._block_at = bytes(block), at
        return self._block[at - self._block_at :][:count]


def _past_its_box() -> DecodeError:
    return DecodeError("a table of this file runs past its box", fix="Check that the file plays, and write it anew.")
