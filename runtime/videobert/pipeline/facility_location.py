"""Which units of a film to keep so that they stand for all of it: facility location under a budget.

How well a set of units covers the film is the weighted sum, over all places of the film, of the similarity to the
nearest place in the set. That grows with the set by less and less (it is monotone and submodular), so a greedy choice
comes with a guarantee: the better one of two greedy runs, by gain and by gain for its cost, covers at least
(1 - 1/e) / 2 = 0.316 of what the best set under the budget does (Leskovec et al., "Cost-effective outbreak detection in
networks", KDD 2007). A choice changes the cover of few places, and gains are mended there alone, exactly.
"""

from __future__ import annotations

from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if

Floats = npt.NDArray[np.float64]
Similar = npt.NDArray[np.float32]
# Places whose gains are mended at a time.
_BLOCK = 64
# Sums of costs that fill a budget exactly may round above it.
_ROUNDING = 1e-6


class Pick(NamedTuple):
    """A unit that was chosen, and how much it added to the cover of those before it."""

    unit: int
    gain: float


class Chosen(NamedTuple):
    """The units chosen, in the order of choice, and how much of the film they cover, 0 to 1."""

    picks: list[Pick]
    cover: float


def choose(similar: Similar, weights: Floats, costs: Floats, budget: float, cancel: Event | None = None) -> Chosen:
    """The units to keep.

    Args:
        similar: float32 `(places, units)`, 0 to 1, of each place of the film to the nearest place of each unit.
        weights: float64 `(places,)`, what covering each place is worth; 0 or more, and more than 0 together.
        costs: float64 `(units,)`, each above 0.
        budget: most that the chosen units may cost together.
        cancel: looked at before each choice.
    """
    weights = weights / weights.sum()
    first = (weights.astype(np.float32) @ similar).astype(np.float64)
    runs = [_greedy(similar, weights, costs, budget, first, over, cancel) for over in (costs, np.ones_like(costs))]
    return max(runs, key=lambda run: run.cover)


def _greedy(
    similar: Similar, weights: Floats, costs: Floats, budget: float, first: Floats, over: Floats, cancel: Event | None
) -> Chosen:
    """The unit with the most gain over `over`, as long as one fits the budget; of equal ones the first of the film."""
    gains, covered = first.copy(), np.zeros(len(weights), np.float32)
    left, picks = budget, list[Pick]()
    open_ = np.ones(len(costs), np.bool_)
    while True:
        stop_if(cancel)
        open_ &= costs <= left + _ROUNDING
        worth = np.where(open_ & (gains > 0), gains / over, 0)
        unit = int(worth.argmax())
        if worth[unit] <= 0:
            return Chosen(picks, float(covered.astype(np.float64) @ weights))
        nearer = np.flatnonzero(similar[:, unit] > covered)
        before, covered[nearer] = covered[nearer], similar[nearer, unit]
        picks.append(Pick(unit, float((covered[nearer] - before).astype(np.float64) @ weights[nearer])))
        left -= float(costs[unit])
        open_[unit] = False
        for start in range(0, len(nearer), _BLOCK):
            here = nearer[start : start + _BLOCK]
            rows = similar[here]
            lost = np.maximum(rows - before[start : start + _BLOCK, None], 0)
            lost -= np.maximum(rows - covered[here, None], 0)
            gains -= weights[here] @ lost
