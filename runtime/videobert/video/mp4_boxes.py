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
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

from videobert.errors import DecodeError

# Index entries that any file may ask for through its edits: some 300 MB.
_EDITED_ENTRIES = 10_000_000
# Sound in ticks of one sample is cut into pieces of at least so many samples.
_PIECE_SAMPLES = 160
_MOST_BOXES = 10_000_000
_MOST_DEPTH = 12
_MOST_MOOV_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 13
_HOLDERS = frozenset(
    b"moov trak mdia minf stbl edts udta dinf tref mvex moof traf sinf schi ilst iref wave jp2h".split()
)


class Seekable(Protocol):
    """A binary file that can be read anywhere."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


def check_boxes(file: Seekable, begin: int, size: int) -> None:
    """Refuse a file that declares more samples than it has bytes.

    Args:
        begin: where in `file` the video begins.
        size: bytes from there to the end.

    Raises:
        DecodeError: it declares what it cannot hold.
    """
    promises = _Promises()
    _Walk(file, begin, promises).over(0, size, 0)
    entries = [track.entries for track in promises.tracks]
    edited = sum(count * max(1, track.edits) for count, track in zip(entries, promises.tracks, strict=True))
    if sum(entries) > size or edited > max(size, _EDITED_ENTRIES):
        raise DecodeError(
            "this file declares more samples than it can hold",
            seen=f"{sum(entries)} samples, {edited} with its edits, in {size} bytes",
            allowed=f"one sample a byte, {max(size, _EDITED_ENTRIES)} with edits",
            fix="Check that the file plays, and write it anew.",
        )


@dataclass(slots=True)
class _Track:
    samples: int = 0
    edits: int = 0
    chunks: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)  # (first chunk, samples in each chunk)
    ticks: list[tuple[int, int]] = field(default_factory=list)  # (entries of the table of durations, first duration)
    handlers: set[bytes] = field(default_factory=set)

    @property
    def entries(self) -> int:
        """Entries of the demuxer's index, or a few more."""
        by_pieces = b"soun" in self.handlers and b"vide" not in self.handlers and set(self.ticks) == {(1, 1)}
        if not by_pieces:
            return self.samples
        ends = [*(first for first, _ in self.runs[1:]), self.chunks + 1]
        return sum(
            max(0, end - first) * -(-count // _PIECE_SAMPLES)
            for (first, count), end in zip(self.runs, ends, strict=True)
        )


@dataclass(slots=True)
class _Promises:
    """Boxes seen, and tracks; the first stands for what fragments hold."""

    boxes: int = 0
    tracks: list[_Track] = field(default_factory=lambda: [_Track()])


class _Walk:
    def __init__(self, file: Seekable, begin: int, promises: _Promises) -> None:
        self._file, self._begin, self._promises = file, begin, promises
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
            self._promises.boxes += 1
            if self._promises.boxes > _MOST_BOXES:
                raise DecodeError("this file has too many boxes", allowed=_MOST_BOXES, fix="Write it anew.")
            at = min(at + size, end)
            self._take(kind, body, at, depth)

    def _take(self, kind: bytes, body: int, end: int, depth: int) -> None:
        if kind == b"trak":
            self._promises.tracks.append(_Track())
        # A header that its writer gave up counts where the demuxer finds no other.
        given_up = kind in (b"free", b"hoov") and self._bytes(body + 4, 4) in (b"mvhd", b"cmov")
        if kind in _HOLDERS or given_up:
            self.over(body, end, depth + 1)
        elif kind == b"meta":
            found = self._bytes(body, min(end - body, _BLOCK_BYTES)).find(b"hdlr")
            if found >= 4:
                self.over(body + found - 4, end, depth + 1)
        elif kind == b"stsd":
            # Sample descriptions hold boxes behind fields of many layouts.
            content = self._bytes(body, min(end - body, _BLOCK_BYTES))
            for name in _TABLES:
                if (place := content.find(name)) >= 0:
                    _TABLES[name](self, body + place + 4)
        elif kind == b"cmov":
            self._inflate(body, end, depth)
        elif kind in _TABLES:
            _TABLES[kind](self, body)

    def _samples(self, body: int) -> None:
        self._track.samples += self._number(body + 8)

    def _fragment(self, body: int) -> None:
        self._promises.tracks[0].samples += self._number(body + 4)

    def _edits(self, body: int) -> None:
        self._track.edits += self._number(body + 4)

    def _durations(self, body: int) -> None:
        self._track.ticks.append((self._number(body + 4), self._number(body + 12)))

    def _chunks(self, body: int) -> None:
        self._track.chunks += self._number(body + 4)

    def _runs(self, body: int) -> None:
        content = self._bytes(body + 8, 12 * self._number(body + 4))
        self._track.runs += [(first, count) for first, count, _ in struct.iter_unpack(">3I", content[: len(content) // 12 * 12])]

    def _handler(self, body: int) -> None:
        self._track.handlers.add(self._bytes(body + 8, 4))

    def _inflate(self, body: int, end: int, depth: int) -> None:
        """A header in compressed form: `dcom` with its method, then `cmvd` with its length."""
        packed = self._bytes(body + 24, end - body - 24)
        try:
            content = zlib.decompressobj().decompress(packed, _MOST_MOOV_BYTES + 1)
        except zlib.error:
            return
        if len(content) > _MOST_MOOV_BYTES:
            raise DecodeError(
                "this file's compressed header is too large", allowed=f"{_MOST_MOOV_BYTES} bytes", fix="Write it anew."
            )
        _Walk(BytesIO(content), 0, self._promises).over(0, len(content), depth + 1)

    @property
    def _track(self) -> _Track:
        return self._promises.tracks[-1]

    def _number(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, 4).ljust(4, b"\0"))

    def _bytes(self, at: int, count: int) -> bytes:
        """As many bytes as there are, from a block that is kept."""
        if not self._block_at <= at or at + count > self._block_at + len(self._block):
            self._file.seek(self._begin + at)
            block, wanted = bytearray(), max(count, _BLOCK_BYTES)
            while len(block) < wanted and (more := self._file.read(min(wanted - len(block), 1 << 20))):
                block += more
            self._block, self._block_at = bytes(block), at
        return self._block[at - self._block_at : at - self._block_at + count]


_TABLES: dict[bytes, Callable[[_Walk, int], None]] = {
    b"stsz": _Walk._samples,
    b"stz2": _Walk._samples,
    b"trun": _Walk._fragment,
    b"elst": _Walk._edits,
    b"stts": _Walk._durations,
    b"stco": _Walk._chunks,
    b"co64": _Walk._chunks,
    b"stsc": _Walk._runs,
    b"hdlr": _Walk._handler,
}
