"""Numbers and tables out of the bytes of a file that nobody trusts yet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.base.errors import DecodeError
from videobert.video.source.readable import Seekable

MOST_HEADER_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 13


class ByteWindow:
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


def _past_its_box() -> DecodeError:
    return DecodeError("a table of this file runs past its box", fix="Check that the file plays, and write it anew.")
