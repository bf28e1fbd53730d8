"""From the magnitudes of values to the range that 8 bits cover: the largest, a share of all, or least squares."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.base.errors import ModelError

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
        """Count an array, float `(…, columns)`, with no value that is not finite; an empty one counts for nothing.

        Raises:
            ModelError: there is such a value: the network or its input is damaged.
        """
        if not values.size:
            return
        if not np.isfinite(values).all():
            raise ModelError(
                "a value that is to be put on 8 bits is not finite",
                seen=str(values[~np.isfinite(values)][0]),
                fix="Check the weights of the model and the clips.",
            )
        self.signed |= bool(values.min() < 0)
        sizes = np.abs(values, dtype=np.float32)
        self.largest = max(self.largest, float(sizes.max()))
        if columns:
            most = sizes.reshape(-1, sizes.shape[-1]).max(axis=0)
            self.columns = most if self.columns is None else np.maximum(self.columns, most)
        flat = sizes.reshape(-1)[:: _step(sizes.size // _COUNTED, sizes.shape[-1])]
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


def _step(least: int, columns: int) -> int:
    """A step, `least` or a little more, that comes to every column: none that shares a divisor with their number."""
    step = max(1, least)
    while math.gcd(step, columns) > 1:
        step += 1
    return step
