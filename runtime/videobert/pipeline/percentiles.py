"""The median of a stream of percentiles, exact: they come in steps, so counts say all."""

from __future__ import annotations

from collections import Counter

import numpy as np


class Percentiles:
    """How often each percentile came."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()

    def add(self, percentile: float) -> None:
        """One more clip."""
        self._counts[percentile] += 1

    def median(self) -> float | None:
        """As `numpy.median` of all that came, float32; None if there is none."""
        if not self._counts:
            return None
        count = self._counts.total()
        middle = [self._at((count - 1) // 2), self._at(count // 2)]
        # Of two values the mean is the median; numpy.median imports masked arrays, and a first answer waits for that.
        return float(np.mean(np.array(middle, np.float32)))

    def _at(self, rank: int) -> float:
        for value in sorted(self._counts):
            rank -= self._counts[value]
            if rank < 0:
                return value
        raise IndexError("there is no percentile")
