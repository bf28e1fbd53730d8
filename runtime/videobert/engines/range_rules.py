"""From the magnitudes of values to the range that 8 bits cover: the largest, a share of all, or least squares."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

# The largest magnitude; the range with the least mean square of error; or a share of all values that are not 0.
RangeRule = Literal["largest", "squares"] | float

# Magnitudes are counted by the upper half of their bits: 128 buckets between a power of two and the next.
_BUCKETS = 1 << 15
# Of a larger array every so many values are counted; the largest is that of all.
_COUNTED = 1 << 20
_CANDIDATES = 64
_LEAST = 1e-6


class Magnitudes:
    """How often values of which size were seen, whether any was negative, and the largest of each column."""

    def __init__(self) -> None:
        self.signed = False
        self.largest = _LEAST
        self.columns: npt.NDArray[np.float32] | None = None
        self._counts = np.zeros(_BUCKETS, np.int64)

    def add(self, values: npt.NDArray[Any], *, columns: bool = False) -> None:
        """Count an array, float `(…, columns)`."""
        self.signed |= bool(values.min() < 0)
        sizes = np.abs(values, dtype=np.float32)
        self.largest = max(self.largest, float(sizes.max()))
        if columns:
            most = sizes.reshape(-1, sizes.shape[-1]).max(axis=0)
            self.columns = most if self.columns is None else np.maximum(self.columns, most)
        flat = sizes.reshape(-1)[:: max(1, sizes.size // _COUNTED)]
        self._counts += np.bincount(np.ascontiguousarray(flat).view(np.uint32) >> 16, minlength=_BUCKETS)

    def top(self, rule: RangeRule) -> float:
        """The range by a rule, at most the largest magnitude."""
        used = np.flatnonzero(self._counts)
        used = used[used > 0]
        if rule == "largest" or not len(used):
            return self.largest
        sizes = ((used.astype(np.uint32) << 16) + (1 << 15)).view(np.float32).astype(np.float64)
        counts = self._counts[used].astype(np.float64)
        if rule == "squares":
            return self._least_squares(sizes, counts)
        place = int(np.searchsorted(np.cumsum(counts), float(rule) * counts.sum()))
        return min(self.largest, float(sizes[min(place, len(sizes) - 1)]))

    def _least_squares(self, sizes: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> float:
        levels = 127 if self.signed else 255
        tops = self.largest * np.linspace(1, 0.1, _CANDIDATES)
        beyond = np.maximum(sizes - tops[:, None], 0)
        rounded = np.where(beyond == 0, (tops[:, None] / levels) ** 2 / 12, beyond**2)
        # Values below half a step become 0, which costs them alone.
        rounded = np.minimum(rounded, np.where(sizes < tops[:, None] / levels / 2, sizes**2, np.inf))
        return float(tops[(rounded * counts).sum(axis=1).argmin()])
