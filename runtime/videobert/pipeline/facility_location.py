"""Which units of a film to keep so that they stand for all of it: facility location under a budget.

How well a set of units covers the film is the weighted sum, over all looks of the film, of the similarity to the
nearest look in the set. That grows with the set by less and less (it is monotone and submodular), so a greedy choice
comes with a guarantee: the better one of two greedy runs, by gain and by gain for its cost, covers at least
(1 - 1/e) / 2 = 0.316 of what the best set under the budget does (Leskovec et al., "Cost-effective outbreak detection in
networks", KDD 2007). Gains only shrink, so those of before are upper bounds, and most need not be computed again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if

Floats = npt.NDArray[np.float64]
# Looks whose similarities to all others are held at a time, and units whose gains are computed anew together.
_BLOCK, _TOGETHER = 128, 16


class Pick(NamedTuple):
    """A unit that was chosen, and how much it added to the cover of those before it."""

    unit: int
    gain: float


class Chosen(NamedTuple):
    """The units chosen, in the order of choice, and how much of the film they cover, 0 to 1."""

    picks: list[Pick]
    cover: float


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What a film looks like.

    Args:
        vectors: float32 `(looks, width)`, each of length one, or zeros.
        units: int64 `(units + 1,)`: unit i has the looks `units[i]` to `units[i + 1] - 1`, one at least.
        floor: cosine up to which two looks are nothing alike.
    """

    vectors: npt.NDArray[np.float32]
    units: npt.NDArray[np.int64]
    floor: float

    def __len__(self) -> int:
        return len(self.units) - 1

    def of_units(self, units: Sequence[int]) -> npt.NDArray[np.float32]:
        """The similarity, 0 to 1, of each look of the film to the nearest look of each unit: `(units, looks)`."""
        sizes = self.units[np.array(units) + 1] - self.units[np.array(units)]
        rows = np.concatenate([np.arange(self.units[unit], self.units[unit + 1]) for unit in units])
        similar = self.similar(rows)
        found: npt.NDArray[np.float32] = np.maximum.reduceat(similar, np.cumsum([0, *sizes[:-1]]), axis=0)
        return found

    def similar(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The similarity, 0 to 1, of some looks to all, float32 `(rows, looks)`; a look is all like itself."""
        cosines = self.vectors[rows] @ self.vectors.T
        cosines[np.arange(len(rows)), rows] = 1
        cosines -= self.floor
        cosines /= 1 - self.floor
        found: npt.NDArray[np.float32] = np.clip(cosines, 0, 1, out=cosines)
        return found

    def mass(self, seconds: Floats, cancel: Event | None = None) -> Floats:
        """How many seconds of the film look like each look, float64 `(looks,)`: similarities weighted by them."""
        found = []
        for start in range(0, len(self.vectors), _BLOCK):
            stop_if(cancel)
            rows = np.arange(start, min(start + _BLOCK, len(self.vectors)))
            found.append(self.similar(rows) @ seconds)
        return np.concatenate(found).astype(np.float64)


def choose(looks: Looks, weights: Floats, costs: Floats, budget: float, cancel: Event | None = None) -> Chosen:
    """The units to keep.

    Args:
        looks: of the film.
        weights: float64 `(looks,)`, what covering each look is worth; 0 or more, and more than 0 together.
        costs: float64 `(units,)`, each above 0.
        budget: most that the chosen units may cost together.
        cancel: looked at between blocks.
    """
    weights = weights / weights.sum()
    first: list[float] = []
    for units in _blocks(looks):
        stop_if(cancel)
        first += (looks.of_units(units) @ weights).tolist()

    def by_gain(gain: float, cost: float) -> float:
        return gain

    def by_cost(gain: float, cost: float) -> float:
        return gain / cost

    runs = [_greedy(looks, weights, costs, budget, first, order, cancel) for order in (by_cost, by_gain)]
    return max(runs, key=lambda run: run.cover)


def _greedy(
    looks: Looks,
    weights: Floats,
    costs: Floats,
    budget: float,
    first: Sequence[float],
    order: Callable[[float, float], float],
    cancel: Event | None,
) -> Chosen:
    """One lazy greedy run. Ties go to the unit that comes first in the film."""
    covered = np.zeros(len(weights))
    left, picks = budget, list[Pick]()
    # Upper bound, unit, gain, and how many were chosen when it was computed.
    heap = [(-order(gain, costs[unit]), unit, gain, 0) for unit, gain in enumerate(first)]
    heapq.heapify(heap)
    while heap:
        stop_if(cancel)
        _, unit, gain, known = heapq.heappop(heap)
        if costs[unit] > left + _ROUNDING or gain <= 0:
            continue
        if known == len(picks):
            picks.append(Pick(unit, gain))
            left -= costs[unit]
            covered = np.maximum(covered, looks.of_units([unit])[0])
            continue
        stale = [unit]
        while heap and len(stale) < _TOGETHER and heap[0][3] != len(picks):
            stale.append(heapq.heappop(heap)[1])
        stale = [each for each in stale if costs[each] <= left + _ROUNDING]
        gains = np.maximum(looks.of_units(stale) - covered, 0) @ weights
        for each, fresh in zip(stale, gains.tolist(), strict=True):
            heapq.heappush(heap, (-order(fresh, costs[each]), each, fresh, len(picks)))
    return Chosen(picks, float(covered @ weights))


# Sums of durations that fill a budget exactly may round above it.
_ROUNDING = 1e-6


def _blocks(looks: Looks) -> list[list[int]]:
    """The units in groups of about `_BLOCK` looks."""
    groups: list[list[int]] = [[]]
    held = 0
    for unit, size in enumerate(np.diff(looks.units).tolist()):
        if groups[-1] and held + size > _BLOCK:
            groups.append([])
            held = 0
        groups[-1].append(unit)
        held += size
    return groups
