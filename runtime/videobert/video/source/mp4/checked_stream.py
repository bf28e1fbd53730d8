"""A video that can be read only once: the headers of an MP4 are looked over before the demuxer gets to see them."""

from __future__ import annotations

from videobert.base.errors import DecodeError
from videobert.video.source.byte_window import MOST_HEADER_BYTES
from videobert.video.source.header_notes import HeaderNotes
from videobert.video.source.mp4.boxes import GIVEN_UP, LOOKED_INTO, BoxChecker, box_size, is_given_up
from videobert.video.source.readable import Readable

_PIECE_BYTES = 1 << 20


class CheckedStream:
    """Hands on what it reads. A box that may hold tables is read whole and checked first; all else flows through.

    What is no box ends the look at boxes, as it ends the demuxer's: files of other kinds flow through whole.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._checker = BoxChecker()
        self._ready, self._given = b"", 0  # looked over; so much of it is handed on
        self._flowing: int | None = 0  # bytes up to the next box; None for all that comes
        self._seen = 0
        self._header_came = self._film_came_first = self._refused = False

    @property
    def notes(self) -> HeaderNotes:
        """What was read so far of the tracks of an MP4."""
        return self._checker.notes

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end.

        Raises:
            DecodeError: an MP4 declares more samples than it can hold, or its header is too large or behind its film.
        """
        if self._refused:
            return b""  # said once: the library prints an error that takes another's place
        if self._given == len(self._ready) and self._flowing == 0:
            try:
                self._ready, self._given = self._next_box(), 0
            except DecodeError:
                self._refused = True
                raise
        if self._given < len(self._ready):
            data = self._ready[self._given : self._given + size]
            self._given += len(data)
            return data
        if self._flowing is None:
            return self._file.read(size)
        data = self._file.read(min(size, self._flowing))
        self._flowing -= len(data)
        self._seen += len(data)
        return data

    def _next_box(self) -> bytes:
        """The next box, or its beginning if the rest needs no look."""
        begin = self._seen
        content = self._filled(b"", 8)
        if content[:4] == b"\0\0\0\1":
            content = self._filled(content, 16)
        (size, length), kind = box_size(content), content[4:8]
        known = len(content)
        if kind in GIVEN_UP:
            content = self._filled(content, known + 8 if size == 0 else min(size, known + 8))
        if known == length:
            self._checker.begin(begin, is_box=not 0 < size < length)
        if known < length or 0 < size < length:
            self._flowing = None
            return content
        if kind not in LOOKED_INTO or (kind in GIVEN_UP and not is_given_up(content[known:])):
            self._flowing = None if size == 0 else size - len(content)
            self._film_came_first |= kind == b"mdat" and not self._header_came
            return content
        if size == 0 or size > MOST_HEADER_BYTES:
            raise _too_large("no end" if size == 0 else f"{size} bytes")
        content = self._filled(content, size)
        if len(content) < size:
            # The stream ends in a header: nothing of it can be used.
            self._flowing = None
            return b""
        self._checker.check(content, self._seen)
        if kind == b"moov" and self._film_came_first:
            raise DecodeError(
                "the header of this MP4 lies behind its film, and what is read once cannot go back",
                fix="Save it to a file first, or write it with its header in front (faststart).",
                fix_cli="Send it to standard input, with - in place of its path; save it to a file first; or write it "
                "with its header in front (faststart).",
            )
        self._header_came |= kind == b"moov"
        return content

    def _filled(self, content: bytes, size: int) -> bytes:
        """What was read, and more up to `size` or to the end of the file."""
        parts, missing = [content], size - len(content)
        while missing > 0 and (data := self._file.read(min(missing, _PIECE_BYTES))):
            parts.append(data)
            missing -= len(data)
            self._seen += len(data)
        return b"".join(parts)


def _too_large(size: str) -> DecodeError:
    return DecodeError(
        "a header of this file is too large to be read from a pipe",
        seen=size,
        allowed=f"{MOST_HEADER_BYTES} bytes",
        fix="Save the video to a file first.",
    )
