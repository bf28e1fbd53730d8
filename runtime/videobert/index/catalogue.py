"""Which files an index knows, by the journal's records: where their rows lie, under which paths, and what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.index.index_format import MOST_ROWS, damaged
from videobert.index.journal import Record


class Stat(NamedTuple):
    """What tells a file that did not change without reading it: its size, and when it was last written to."""

    size: int
    mtime_ns: int


class Failed(NamedTuple):
    """A file that could not be indexed, and why."""

    stat: Stat
    error: str


@dataclass(slots=True)
class StoredFile:
    """The stretches of one content. It may lie under several paths; under none, it is gone.

    Args:
        number: of the file in the index, from 0.
        sha256: of its content, hexadecimal.
        first_row, rows, first_clip, clips, first_picture, picture_bytes: where its part of each column lies.
        duration_s: of the video.
        percentile, out_of_domain: see `Report`.
        checksums: crc32 of its parts of the columns.
        paths: absolute, each with the state of the file when it was looked at.
    """

    number: int
    sha256: str
    first_row: int
    rows: int
    first_clip: int
    clips: int
    first_picture: int
    picture_bytes: int
    duration_s: float
    percentile: float | None
    out_of_domain: bool
    checksums: dict[str, int]
    paths: dict[str, Stat] = field(default_factory=dict)


class CellsFile(NamedTuple):
    """A faster way to the first vectors: the name of its file, its length, and how many vectors it has."""

    name: str
    size_bytes: int
    rows: int


class Catalogue:
    """The state of an index after some records.

    Args:
        folder: for messages.

    Attributes:
        files: by number.
        by_path, failed: what is known of a path.
        rows, clips, picture_bytes: lengths of the columns.
        cells: the newest one; None while there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[StoredFile] = []
        self.by_path: dict[str, StoredFile] = {}
        self.failed: dict[str, Failed] = {}
        self.rows = self.clips = self.picture_bytes = 0
        self.cells: CellsFile | None = None
        self._by_hash: dict[str, StoredFile] = {}

    def with_hash(self, sha256: str) -> StoredFile | None:
        """The file with this content, be it gone: its stretches are still there, and come back with a path."""
        return self._by_hash.get(sha256)

    def alive(self) -> npt.NDArray[np.bool_]:
        """Which rows are of files that are there, bool `(rows,)`."""
        found = np.zeros(self.rows, np.bool_)
        for each in self.files:
            if each.paths:
                found[each.first_row : each.first_row + each.rows] = True
        return found

    @property
    def alive_rows(self) -> int:
        """How many stretches can be found."""
        return sum(each.rows for each in self.files if each.paths)

    @property
    def videos(self) -> int:
        """How many files are there, each once under however many paths."""
        return sum(bool(each.paths) for each in self.files)

    def apply(self, record: Record) -> None:
        """Take in the next record.

        Raises:
            ModelError: it is none that an index could have.
        """
        known: dict[Any, Callable[[Record], None]] = {
            "add": self._add,
            "path": self._path,
            "drop": self._drop,
            "fail": self._fail,
            "cells": self._cells,
        }
        try:
            known[record.get("op")](record)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise damaged(self.folder, "a line of its journal makes no sense", str(record)[:200]) from error

    def _add(self, record: Record) -> None:
        percentile = record["percentile"]
        added = StoredFile(
            number=len(self.files),
            sha256=_text(record["sha256"]),
            first_row=self.rows,
            rows=_count(record["rows"]),
            first_clip=self.clips,
            clips=_count(record["clips"]),
            first_picture=self.picture_bytes,
            picture_bytes=_count(record["picture_bytes"]),
            duration_s=float(record["duration_s"]),
            percentile=None if percentile is None else float(percentile),
            out_of_domain=bool(record["out_of_domain"]),
            checksums={_text(name): _count(value) for name, value in record["checksums"].items()},
        )
        self.files.append(added)
        self.rows += added.rows
        self.clips += added.clips
        self.picture_bytes += added.picture_bytes
        self._by_hash[added.sha256] = added
        # One that a copy to another generation brings along may be there before its paths are.
        if record.get("path") is not None:
            self._bind(added, record)

    def _path(self, record: Record) -> None:
        self._bind(self.files[_count(record["file"])], record)

    def _drop(self, record: Record) -> None:
        self._unbind(_text(record["path"]))

    def _fail(self, record: Record) -> None:
        path = _text(record["path"])
        self._unbind(path)
        self.failed[path] = Failed(_stat(record), _text(record["error"]))

    def _cells(self, record: Record) -> None:
        name = _text(record["name"])
        if not name.startswith("cells-") or "/" in name or "\0" in name or _count(record["rows"]) > self.rows:
            raise ValueError("no name of such a file")
        self.cells = CellsFile(name, _count(record["size_bytes"]), record["rows"])

    def _bind(self, file: StoredFile, record: Record) -> None:
        path, stat = _text(record["path"]), _stat(record)
        self._unbind(path)
        file.paths[path] = stat
        self.by_path[path] = file

    def _unbind(self, path: str) -> None:
        self.failed.pop(path, None)
        file = self.by_path.pop(path, None)
        if file is not None:
            del file.paths[path]


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_ROWS:
        raise ValueError("no count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _stat(record: Record) -> Stat:
    size, mtime_ns = record["size"], record["mtime_ns"]
    if type(size) is not int or type(mtime_ns) is not int:
        raise TypeError("no numbers")
    return Stat(size, mtime_ns)
