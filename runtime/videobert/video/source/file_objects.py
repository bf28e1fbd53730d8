"""File objects of callers and pipes: their answers are checked before the library believes them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress

from videobert.base.errors import InputError
from videobert.video.source.file_kinds import HEAD_BYTES
from videobert.video.source.readable import Readable, can_seek


class Pipe:
    """A named pipe or a device; open as long as this object lives."""

    def __init__(self, name: str) -> None:
        self._file = os.open(name, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        with suppress(AttributeError):  # it could not be opened
            os.close(self._file)

    def read(self, size: int) -> bytes:
        return os.read(self._file, size)


class CheckedReader:
    """The library copies what `read` gives into a buffer of its own, so it must be what was asked for."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        # `read` of a buffered pipe waits until it has all that was asked for, or the end: live video would come late.
        buffered_pipe = isinstance(file, (io.BufferedReader, io.BufferedRWPair)) and not can_seek(file)
        self._read: Callable[[int], bytes] = file.read1 if buffered_pipe else file.read  # type: ignore[attr-defined]

    def read(self, size: int) -> bytes:
        try:
            data = self._read(size)
        except Exception as error:
            raise InputError(
                "reading from the file object failed", seen=repr(error), fix="Pass a file that is open for reading."
            ) from error
        if not isinstance(data, (bytes, bytearray, memoryview)) or len(data) > size:
            raise InputError(
                "the file object gave something else than was asked for",
                seen=type(data).__name__ if not isinstance(data, bytes) else f"{len(data)} bytes for {size}",
                allowed="at most that many bytes",
                fix='Open the file in binary mode, "rb".',
            )
        return bytes(data)


class CheckedFile(CheckedReader):
    """A file object that can seek.

    The video begins where it stands now: positions are counted from there, as those in the video's tables are.
    """

    def __init__(self, file: Readable) -> None:
        super().__init__(file)
        self._begin = 0
        self._begin = self.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            position = self._file.seek(offset + self._begin * (whence == os.SEEK_SET), whence)  # type: ignore[attr-defined]
            return int(self._file.tell() if position is None else position) - self._begin  # type: ignore[attr-defined]
        except Exception as error:
            raise InputError("seeking in the file object failed", seen=repr(error)) from error

    def tell(self) -> int:
        try:
            return int(self._file.tell()) - self._begin  # type: ignore[attr-defined]
        except Exception as error:
            raise InputError("the file object cannot tell its position", seen=repr(error)) from error


class BeginningKept:
    """Keeps a copy of the first bytes that pass through until there were enough."""

    def __init__(self, file: Readable, most_bytes: int) -> None:
        self._file = file
        self._wanted = most_bytes
        self.kept = bytearray()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.kept += data[: max(self._wanted - len(self.kept), 0)]
        return data

    def head(self) -> bytes:
        """The beginning, as far as a file's kind takes to tell."""
        return bytes(self.kept[:HEAD_BYTES])

    def enough(self) -> None:
        """Let go of the copy, and keep no more."""
        self._wanted, self.kept = 0, bytearray()
