"""What an MP4 or QuickTime file promises, held against its size before a demuxer believes it.

The demuxer makes an index with an entry for each sample that the file's tables declare, and repeats it for each edit.
Tables of equal samples declare any number of them in a few bytes, so that a file of some kilobytes costs gigabytes when
it is opened. A real sample has at least one byte; only QuickTime sound in ticks of one sample packs more, and the
demuxer cuts that into pieces instead.

Boxes are walked as the demuxer walks them, in any order and place; what is no box ends the walk, as it ends the
demuxer's. Other containers begin with what no box begins with, so nothing is found in them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

from videobert.errors import DecodeError

# Index entries that any file may ask for through its edits: some 300 MB.
_EDITED_ENTRIES = 10_000_000
# The same for what a stream has not shown yet.
_UNSEEN_ENTRIES = 10_000_000
# Sound in ticks of one sample is cut into pieces of at least so many samples.
_PIECE_SAMPLES = 160
_MOST_STEPS = 10_000_000
_MOST_DEPTH = 12
MOST_HEADER_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 13
_HOLDERS = frozenset(
    b"moov trak mdia minf stbl edts udta dinf tref mvex moof traf sinf schi ilst iref wave jp2h".split()
)
_TABLES = frozenset(b"stsz stz2 trun elst stts stco co64 stsc hdlr".split())
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
    promises = _Promises()
    _Walk(file, size, promises).over(0, size, 0)
    promises.hold_against(size, most_samples=size)


class BoxChecker:
    """The same for a file that is read once, front to back, and whose size nobody knows: box by box.

    What is promised may still come, so the boxes may be 10 million samples ahead of the bytes.
    """

    def __init__(self) -> None:
        self._promises = _Promises()

    def check(self, box: bytes, seen_bytes: int, *, complete: bool) -> None:
        """Take in one box of the file.

        Args:
            box: it, with its head; cut short if the file ends in it.
            seen_bytes: of the file, with this box.
            complete: whether it is whole. What the demuxer reads behind a whole box is not known here.

        Raises:
            DecodeError: the boxes so far declare what such a file cannot hold, or a table runs past its box.
        """
        _Walk(BytesIO(box), len(box), self._promises, bounded=complete).over(0, len(box), 0)
        self._promises.hold_against(seen_bytes, most_samples=seen_bytes + _UNSEEN_ENTRIES)


def is_given_up(body: bytes) -> bool:
    """Whether the content of a box of a kind in `GIVEN_UP` begins as a header does."""
    return body[4:8] in (b"mvhd", b"cmov")


@dataclass(slots=True)
class _Track:
    samples: int = 0
    edits: int = 0
    chunks: int = 0
    pieces: int = 0  # of all runs of chunks but the last
    last_run: tuple[int, int] = (1, 0)  # its first chunk, and pieces in each of its chunks
    ticks: set[tuple[int, int]] = field(default_factory=set)  # entries of the table of durations, the first duration
    handlers: set[bytes] = field(default_factory=set)

    @property
    def entries(self) -> int:
        """Entries of the demuxer's index, or a few more."""
        if b"soun" in self.handlers and b"vide" not in self.handlers and self.ticks == {(1, 1)}:
            first, pieces = self.last_run
            return self.pieces + max(0, self.chunks + 1 - first) * pieces
        return self.samples


@dataclass(slots=True)
class _Promises:
    """Boxes and runs seen, and tracks; the first stands for what fragments hold."""

    steps: int = 0
    tracks: list[_Track] = field(default_factory=lambda: [_Track()])

    def hold_against(self, size: int, most_samples: int) -> None:
        most_edited = max(most_samples, _EDITED_ENTRIES)
        entries = [track.entries for track in self.tracks]
        edited = sum(count * max(1, track.edits) for count, track in zip(entries, self.tracks, strict=True))
        if sum(entries) > most_samples or edited > most_edited:
            raise DecodeError(
                "this file declares more samples than it can hold",
                seen=f"{sum(entries)} samples, {edited} with its edits, in {size} bytes",
                allowed=f"{most_samples} samples, {most_edited} with edits",
                fix="Check that the file plays, and write it anew.",
            )

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > _MOST_STEPS:
            raise DecodeError("this file has too many boxes", allowed=_MOST_STEPS, fix="Write it anew.")


class _Walk:
    def __init__(self, file: Seekable, size: int, promises: _Promises, *, bounded: bool = False) -> None:
        self._file, self._size, self._promises = file, size, promises
        self._bounded = bounded  # whether there is more behind the end, which cannot be read here
        self._block, self._block_at = b"", 0

    def over(self, at: int, end: int, depth: int) -> None:
        """Take in the boxes between two offsets."""
        while at + 8 <= end and depth <= _MOST_DEPTH:
            head = self._bytes(at, 16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            body = at + 8
            if size == 1:
                size, body = int.from_bytes(head[8:]), at + 16
            elif size == 0:
                size = end - at
            if size < body - at:
                return
            self._promises.step()
            at = min(at + size, end)
            self._take(kind, body, at, depth)

    def _take(self, kind: bytes, body: int, end: int, depth: int) -> None:
        if kind == b"trak":
            self._promises.tracks.append(_Track())
        if kind in _HOLDERS or (kind in GIVEN_UP and is_given_up(self._bytes(body, 8))):
            self.over(body, end, depth + 1)
        elif kind == b"meta":
            if (place := self._bytes(body, min(end - body, _BLOCK_BYTES)).find(b"hdlr")) >= 4:
                self.over(body + place - 4, end, depth + 1)
        elif kind == b"stsd":
            # Sample descriptions hold boxes behind fields of many layouts.
            content = self._bytes(body, min(end - body, _BLOCK_BYTES))
            for name in (b"stsz", b"stz2", b"trun", b"elst", b"hdlr"):
                if (place := content.find(name)) >= 0:
                    self._read(name, body + place + 4)
        elif kind == b"cmov":
            self._inflate(body, end, depth)
        else:
            self._read(kind, body)

    def _read(self, kind: bytes, body: int) -> None:
        """Take in a table; the demuxer reads it without a look at the size of its box."""
        track = self._promises.tracks[-1]
        match kind:
            case b"stsz" | b"stz2":
                track.samples += self._number(body + 8)
            case b"trun":
                self._promises.tracks[0].samples += self._number(body + 4)
            case b"elst":
                track.edits += self._number(body + 4)
            case b"stts":
                count = self._number(body + 4)
                track.ticks.add((count, self._number(body + 12) if count else 0))
            case b"stco" | b"co64":
                track.chunks += self._number(body + 4)
            case b"hdlr":
                track.handlers.add(self._bytes(body + 8, 4))
            case b"stsc":
                self._read_runs(track, body + 8, self._number(body + 4))

    def _read_runs(self, track: _Track, at: int, count: int) -> None:
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
        _Walk(BytesIO(content), len(content), self._promises).over(0, len(content), depth + 1)

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
