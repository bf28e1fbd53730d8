"""An entry of the cache as pages of its file: what reads it makes no copy, and the pages may leave memory again."""

from __future__ import annotations

import mmap
from typing import BinaryIO

import numpy as np
import numpy.typing as npt


class MappedEntry:
    """The content of an open file from a place on, private to this process. A file that is replaced stays as it was.

    Args:
        file: an open file. Entries are written anew and renamed, never shortened in place.
        start: where the content begins, in bytes.

    Raises:
        OSError: the file cannot be mapped.
        ValueError: it is shorter than `start`, or empty.
    """

    def __init__(self, file: BinaryIO, start: int) -> None:
        # Writable, since OpenVINO asks for that; a page that is written to is copied.
        self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        if len(self._pages) < start:
            raise ValueError(f"{len(self._pages)} bytes, and the content begins at {start}")
        self.content: npt.NDArray[np.uint8] = np.frombuffer(self._pages, np.uint8, offset=start)

    def leave_memory(self) -> None:
        """Let the pages go that were read; they are read from the file again where they are needed again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._pages.madvise(mmap.MADV_DONTNEED)
