"""The tables of an MP4 or QuickTime file, read as far as they tell what they declare."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from videobert.base.errors import DecodeError
from videobert.video.source.mp4.declared import Promises, Track

MOST_HEADER_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 13
# Tables whose entries cost memory before one of them is read, and the bytes that an entry has at least.
_COUNTED = {b"keys": 8, b"iinf": 8, b"iloc": 6, b"dref": 12, b"sgpd": 1}
TABLES = frozenset(b"stsz stz2 trun elst stts stco co64 stsc hdlr sidx ctts sbgp senc saiz".split()) | frozenset(
    _COUNTED
)


class Seekable(Protocol):
    """A binary file that can be read anywhere."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Window:
    """What is known of a file: all of it, or one box of a stream.

    Args:
        file: gives the bytes.
        size: how many there are.
        base: where in the file or stream they begin.
        bounded: whether there is more behind the end, which cannot be read here.
    """

    def __init__(self, file: Seekable, size: int, *, base: int = 0, bounded: bool = False) -> None:
        self._file, self._size, self._bounded = file, size, bounded
        self.base = base
        self._block, self._block_at = b"", 0

    def read(self, at: int, count: int) -> bytes:
        """As many bytes as there are, from a block that is kept."""
        count = max(0, min(count, self._size - at))
        if count and not self._block_at <= at <= at + count <= self._block_at + len(self._block):
            self._file.seek(at)
            block, wanted = bytearray(), max(count, _BLOCK_BYTES)
            while len(block) < wanted and (more := self._file.read(min(wanted - len(block), 1 << 20))):
                block += more
            self._block, self._block_at = bytes(block), at
        start = at - self._block_at
        return self._block[start : start + count]

    def content(self, body: int, end: int) -> bytes:
        """What a box holds, or the first 64 MiB of it."""
        return self.read(body, min(end - body, MOST_HEADER_BYTES))

    def number(self, at: int, size: int = 4) -> int:
        """A number; zeros stand for what is missing at the end of a file."""
        if self._bounded and at + size > self._size:
            raise _past_its_box()
        return int.from_bytes(self.read(at, size).ljust(size, b"\0"))

    def entries(self, at: int, count: int, fields: int) -> npt.NDArray[np.int64]:
        """A table `(count, fields)` of numbers, or as much of it as there is.

        Raises:
            DecodeError: it does not end with its box, or is too large.
        """
        size = 4 * count * fields
        if self._bounded and at + size > self._size:
            raise _past_its_box()
        size = max(0, min(size, self._size - at))
        if size > MOST_HEADER_BYTES:
            raise DecodeError(
                "a table of this file is too large",
                seen=f"{size} bytes",
                allowed=f"{MOST_HEADER_BYTES} bytes",
                fix="Check that the file plays, and write it anew.",
            )
        content = self.read(at, size - size % (4 * fields))
        return np.frombuffer(content, ">u4").astype(np.int64).reshape(-1, fields)


def read_table(kind: bytes, body: int, end: int, window: Window, promises: Promises, track: Track) -> None:
    """Take in what a table declares.

    The demuxer reads most of them without a look at the size of their box, and adds them to the track that began last.

    Args:
        kind: of its box, one of `TABLES`.
        body: where in the window its content begins.
        end: where it ends, if its box tells the truth.
        window: to read it from.
        promises: of the file.
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
            promises.step(len(runs) // 4)
            track.most_in_chunk = max(track.most_in_chunk, int(runs[:, 1].max(initial=0)))
        case b"ctts":
            counts = window.entries(body + 8, number(body + 4), 2)
            promises.step(len(counts) // 4)
            track.offsets += int(counts[:, 0].sum())
        case b"sbgp":
            at = body + (12 if later else 8)
            counts = window.entries(at + 4, number(at), 2)
            promises.step(len(counts) // 4)
            track.grouped += int(counts[:, 0].sum())
        case b"senc":
            promises.encrypted += number(body + 4)
        case b"saiz":
            described = number(body) & 1
            promises.encrypted += number(body + (13 if described else 5))
        case b"sidx":
            _read_index(body, end, window, promises, later)
        case _:
            _hold_count(kind, body, end, window, promises)
    promises.recount(track)


def _read_index(body: int, end: int, window: Window, promises: Promises, later: bool) -> None:
    """Where the fragments of a `sidx` begin: the demuxer goes there, whatever lies between."""
    skipped = window.number(body + 20, 8) if later else window.number(body + 16)
    at = body + (28 if later else 20)
    references = window.entries(at + 4, window.number(at + 2, 2), 3)
    promises.fragments += len(references)
    place = window.base + end + skipped
    for size, _, _ in references.tolist():
        promises.expect(place)
        place += size & 0x7FFFFFFF


def _hold_count(kind: bytes, body: int, end: int, window: Window, promises: Promises) -> None:
    version = window.read(body, 1)
    match kind:
        case b"sgpd":
            count = window.number(body + (8 if version == b"\0" else 12))
        case b"iinf":
            count = window.number(body + 4, 2 if version == b"\0" else 4)
            promises.pictures += count
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


def _past_its_box() -> DecodeError:
    return DecodeError("a table of this file runs past its box", fix="Check that the file plays, and write it anew.")
