"""The median of a stream of percentiles, exact: they come in steps, so counts say all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np


class Percentiles:
    """How often each percentile came."""

    def __init__(self, counts: Iterable[tuple[float, int]] = ()) -> None:
        self._counts = Counter(dict(counts))

    def add(self, percentile: float) -> None:
        """One more clip."""
        self._counts[percentile] += 1

    def __add__(self, other: Percentiles) -> Percentiles:
        """Both together; neither changes."""
        return Percentiles((self._counts + other._counts).items())

    def median(self) -> float:
        """As `numpy.median` of all that came, float32; there must be one."""
        count = self._counts.total()
        middle = [self._at((count - 1) // 2), self._at(count // 2)]
        return float(np.median(np.array(middle, np.float32)))

    def _at(self, rank: int) -> float:
        for value in sorted(self._counts):
            rank -= self._counts[value]
            if rank < 0:
                return value
        raise IndexError("there is no percentile")
