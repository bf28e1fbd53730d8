"""The journal of an index: what was done, one checked line each. The last line that is whole is where it ends."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from videobert.base.errors import InputError
from videobert.index.index_format import JOURNAL, damaged
from videobert.index.plain_file import open_plain

Record = dict[str, Any]
# A path of 4,096 bytes, escaped, and an error of a few lines.
_MOST_LINE_BYTES = 65_536


def line_of(record: Record) -> bytes:
    """A record as it is written."""
    # ASCII: what a file's name holds that is no UTF-8 comes back as it was.
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def records_in(folder: Path, content: bytes) -> Iterator[tuple[Record, int]]:
    """The records of a journal, each with the place behind it. A last line without an end was never finished.

    Raises:
        ModelError: a line is not what was written.
    """
    start = 0
    while (end := content.find(b"\n", start)) >= 0:
        line = content[start:end]
        start = end + 1
        yield _record(folder, line), start


def read_journal(generation: Path) -> bytes:
    """The journal of a generation as it is now.

    Raises:
        FileNotFoundError: it is not there, as where the generation was replaced just now.
        ModelError: it, or the generation, is a link or no plain file.
    """
    # A writer would cut off the ends of files wherever a link leads to.
    if generation.is_symlink():
        raise damaged(generation.parent, f"{generation.name} is a link")
    with open_plain(generation / JOURNAL, generation.parent) as file:
        return file.read()


class JournalWriter:
    """Adds lines to a journal, each written through to the disk.

    Args:
        generation: the folder; its journal is made if it is missing.
        length: where the journal ends; what stands behind it was never finished, and is cut off.
    """

    def __init__(self, generation: Path, length: int) -> None:
        self._file = os.open(generation / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        os.ftruncate(self._file, length)
        os.lseek(self._file, length, os.SEEK_SET)
        self._length = length

    def add(self, record: Record, *, sync: bool = True) -> None:
        """Write a record; when this returns, it is on the disk, unless `sync` is left to the caller.

        Raises:
            InputError: a path is too long for any file system; nothing is written.
            OSError: the disk is full; the journal then is what it was.
        """
        line = line_of(record)
        if len(line) > _MOST_LINE_BYTES:
            raise InputError(
                "this does not fit the index",
                seen=f"{len(line):,} bytes",
                allowed=f"{_MOST_LINE_BYTES:,} bytes of path and error",
                fix="Give the file a shorter name.",
            )
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            if sync:
                self.sync()
        except OSError:
            os.ftruncate(self._file, self._length)
            os.lseek(self._file, self._length, os.SEEK_SET)
            raise
        self._length += len(line)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _record(folder: Path, line: bytes) -> Record:
    checked, _, text = line.partition(b" ")
    try:
        sound = len(line) <= _MOST_LINE_BYTES and int(checked, 16) == zlib.crc32(text)
        record = json.loads(text) if sound else None
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise damaged(folder, "a line of its journal is not what was written")
    return record
