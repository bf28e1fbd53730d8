"""The columns of a generation: files that grow at their end, and are mapped up to where the journal says they end."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.index.catalogue import Catalogue
from videobert.index.identity import IndexIdentity
from videobert.index.index_format import CLIP, CLIPS, FEATURES, PICTURES, ROW, ROWS, VECTORS, damaged
from videobert.index.plain_file import open_plain


def lengths_of(known: Catalogue, identity: IndexIdentity) -> dict[str, int]:
    """The bytes of each column."""
    return {
        ROWS: known.rows * ROW.itemsize,
        VECTORS: known.rows * identity.width * 4,
        CLIPS: known.clips * CLIP.itemsize,
        FEATURES: known.clips * identity.feature_width * 2,
        PICTURES: known.picture_bytes,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a snapshot, mapped and read-only.

    Args:
        rows: `ROW` `(stretches,)`.
        vectors: float32 `(stretches, width)`.
        clips: `CLIP` `(clips,)`.
        features: float16 `(clips, feature_width)`.
        pictures: uint8, JPEGs one after the other.
    """

    rows: npt.NDArray[Any]
    vectors: npt.NDArray[np.float32]
    clips: npt.NDArray[Any]
    features: npt.NDArray[np.float16]
    pictures: npt.NDArray[np.uint8]


def map_columns(generation: Path, known: Catalogue, identity: IndexIdentity) -> Columns:
    """The columns as the catalogue knows them.

    Raises:
        ModelError: a file is shorter than it was when it was reported done.
        FileNotFoundError: the generation was replaced just now.
    """
    lengths = lengths_of(known, identity)
    kinds = {ROWS: ROW, CLIPS: CLIP, VECTORS: np.dtype("<f4"), FEATURES: np.dtype("<f2"), PICTURES: np.dtype("u1")}
    found = {name: _mapped(generation, name, kind, lengths[name]) for name, kind in kinds.items()}
    return Columns(
        rows=found[ROWS],
        vectors=found[VECTORS].reshape(known.rows, identity.width),
        clips=found[CLIPS],
        features=found[FEATURES].reshape(known.clips, identity.feature_width),
        pictures=found[PICTURES],
    )


class ColumnWriter:
    """Adds to the ends of the columns.

    Args:
        generation: the folder; columns are made if they are missing.
        lengths: where each ends; what stands behind it was never reported, and is cut off.

    Raises:
        ModelError: a column is shorter than that.
    """

    def __init__(self, generation: Path, lengths: Mapping[str, int]) -> None:
        self._files: dict[str, int] = {}
        self._lengths = dict(lengths)
        try:
            for name, length in lengths.items():
                flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                file = self._files[name] = os.open(generation / name, flags, 0o666)
                there = os.fstat(file).st_size
                if there < length:
                    raise damaged(generation.parent, f"{name} is too short", f"{there:,} of {length:,} bytes")
                os.ftruncate(file, length)
                os.lseek(file, length, os.SEEK_SET)
        except BaseException:
            self.close()
            raise

    def add(self, parts: Mapping[str, bytes], *, sync: bool = True) -> dict[str, int]:
        """Write to the end of columns, through to the disk unless `sync` is left to the caller.

        Gives the crc32 of what was written to each.

        Raises:
            OSError: the disk is full; the columns then are what they were.
        """
        try:
            for name, content in parts.items():
                view = memoryview(content)
                while view:
                    view = view[os.write(self._files[name], view) :]
            if sync:
                self.sync()
        except OSError:
            for name in parts:
                os.ftruncate(self._files[name], self._lengths[name])
                os.lseek(self._files[name], self._lengths[name], os.SEEK_SET)
            raise
        for name, content in parts.items():
            self._lengths[name] += len(content)
        return {name: zlib.crc32(content) for name, content in parts.items()}

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        for file in self._files.values():
            os.fdatasync(file)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()


def _mapped(generation: Path, name: str, kind: np.dtype[Any], length: int) -> npt.NDArray[Any]:
    with open_plain(generation / name, generation.parent) as file:
        there = os.fstat(file.fileno()).st_size
        if there < length:
            raise damaged(generation.parent, f"{name} is too short", f"{there:,} of {length:,} bytes")
        if not length:
            return np.empty(0, kind)
        # As a plain array: each slice of a memmap pays for being one.
        return np.memmap(file, kind, "r", shape=(length // kind.itemsize,)).view(np.ndarray)
