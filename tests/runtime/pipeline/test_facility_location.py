"""The greedy choice under a budget, held to every set there is."""

from __future__ import annotations

import math
import threading
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import Cancelled
from videobert.pipeline.facility_location import choose

GUARANTEE = (1 - 1 / math.e) / 2


def cover_of(similar: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], units: tuple[int, ...]) -> float:
    """The definition: each place has the nearest unit of the set."""
    total = 0.0
    for place, weight in enumerate(weights):
        total += weight * max((float(similar[place, unit]) for unit in units), default=0.0)
    return total / float(weights.sum())


def best_of_all(
    similar: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], costs: npt.NDArray[np.float64], budget: float
) -> float:
    units = range(len(costs))
    sets = (each for size in range(len(costs) + 1) for each in combinations(units, size))
    return max(cover_of(similar, weights, each) for each in sets if costs[list(each)].sum() <= budget)


@pytest.mark.parametrize("seed", range(40))
def test_it_keeps_the_budget_and_its_guarantee(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places, units = int(rng.integers(2, 9)), int(rng.integers(1, 9))
    similar = rng.random((places, units)).astype(np.float32) ** rng.choice((1, 4))
    weights, costs = rng.random(places) + 0.01, rng.choice((0.5, 1.0, 2.5, 6.0), units)
    budget = float(rng.uniform(0.5, 8))
    chosen = choose(similar, weights, costs, budget)
    picked = tuple(pick.unit for pick in chosen.picks)
    assert len(set(picked)) == len(picked)
    assert costs[list(picked)].sum() <= budget + 1e-6
    np.testing.assert_allclose(chosen.cover, cover_of(similar, weights, picked), rtol=1e-5)
    for count, pick in enumerate(chosen.picks):
        added = cover_of(similar, weights, picked[: count + 1]) - cover_of(similar, weights, picked[:count])
        np.testing.assert_allclose(pick.gain, added, atol=1e-6)
    assert chosen.cover >= GUARANTEE * best_of_all(similar, weights, costs, budget) - 1e-6


def test_cheap_crumbs_do_not_keep_out_what_covers_the_film() -> None:
    """By gain for its cost alone, the crumb would win and leave no room: the second run is what holds the guarantee."""
    similar = np.array([[1, 0], [0, 1]], np.float32)
    chosen = choose(similar, np.array([0.02, 0.98]), np.array([0.01, 1.0]), 1.0)
    assert [pick.unit for pick in chosen.picks] == [1]


def test_what_fits_exactly_fits() -> None:
    similar = np.eye(10, dtype=np.float32)
    costs = np.full(10, 0.1)
    assert len(choose(similar, np.ones(10), costs, 0.3).picks) == 3
    assert len(choose(similar, np.ones(10), costs, 1.0).picks) == 10


def test_equal_units_are_taken_in_the_order_of_the_film_and_nothing_twice() -> None:
    similar = np.ones((4, 5), np.float32)
    assert [pick.unit for pick in choose(similar, np.ones(4), np.ones(5), 3.0).picks] == [0]


def test_it_can_be_cancelled() -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        choose(np.eye(3, dtype=np.float32), np.ones(3), np.ones(3), 2.0, cancel)
