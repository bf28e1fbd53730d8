"""Keys and values of the words so far, kept by the caller of a decoder: a row for each sentence that grows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, takewhile

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
# Room for sentences comes in these steps, so that an engine sees few shapes; the last one is the decoder's positions.
_LEAST_ROOM = 16


def room_for(words: int, positions: int) -> int:
    """Places that a cache has for sentences of so many words: 16 times a power of two, at most all positions."""
    rooms = takewhile(lambda room: room < words, (_LEAST_ROOM << power for power in count()))
    largest = max(rooms, default=_LEAST_ROOM // 2)
    return min(2 * largest, positions)


class WordCache:
    """The cache of one search.

    Args:
        rows: the most at a time.
        layers, width: of the decoder.
        room: places of a row, see `room_for`.

    Attributes:
        lengths: int64 `(rows,)`, how many places of each row are filled.
    """

    def __init__(self, rows: int, layers: int, room: int, width: int) -> None:
        shape = (2, rows, layers, room, width)
        # What moves from one row to another goes from one to the other of these, so that nothing is overwritten.
        self._now, self._spare = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.lengths: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def keys(self) -> Floats:
        """`(rows, layers, room, width)`, contiguous; what stands past a row's length has no meaning."""
        keys: Floats = self._now[0, : len(self.lengths)]
        return keys

    @property
    def values(self) -> Floats:
        """As `keys`."""
        values: Floats = self._now[1, : len(self.lengths)]
        return values

    def put(self, keys: Floats, values: Floats) -> None:
        """Take the next word of every row, `(rows, layers, width)`."""
        rows = np.arange(len(self.lengths))
        self.keys[rows, :, self.lengths] = keys
        self.values[rows, :, self.lengths] = values
        self.lengths = self.lengths + 1

    def rearrange(self, sources: Sequence[int | None]) -> None:
        """Let each row go on from a row that was, or begin anew where there is none."""
        if list(sources) == list(range(len(self.lengths))):
            return
        lengths = np.array([0 if source is None else self.lengths[source] for source in sources], np.int64)
        for row, (source, length) in enumerate(zip(sources, lengths, strict=True)):
            if source is not None:
                self._spare[:, row, :, :length] = self._now[:, source, :, :length]
        self._now, self._spare = self._spare, self._now
        self.lengths = lengths
