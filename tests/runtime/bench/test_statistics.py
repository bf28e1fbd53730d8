"""Percentiles and verdicts: a planted slowdown is found, and two runs of the same thing are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.bench.statistics import paired_ratio, ratio_of_medians, spread_of, verdict


def times(seed: int, scale: float = 1.0, count: int = 30) -> list[float]:
    """What a quiet machine gives: a per cent or two of noise, and a straggler now and then."""
    rng = np.random.default_rng(seed)
    stragglers = np.where(rng.random(count) < 0.05, 0.3, 0.0)
    return [float(each) for each in scale * (0.1 * (1 + 0.015 * np.abs(rng.standard_normal(count)) + stragglers))]


def test_percentiles_are_those_of_numpy() -> None:
    given = [0.5, 0.1, 0.4, 0.2, 0.3]
    found = spread_of(given)
    assert (found.count, found.p50, found.p25, found.p75) == (5, 0.3, 0.2, 0.4)
    assert found.p99 == pytest.approx(0.496)
    assert spread_of([2.0]).p99 == 2.0


@pytest.mark.parametrize("seed", range(20))
def test_the_same_thing_twice_is_no_slowdown(seed: int) -> None:
    a, b = times(2 * seed), times(2 * seed + 1)
    assert verdict(paired_ratio(a, b)) in ("same", "unsure")
    assert verdict(ratio_of_medians(a, b)) in ("same", "unsure")


@pytest.mark.parametrize("seed", range(20))
def test_a_tenth_more_is_a_slowdown(seed: int) -> None:
    a, b = times(2 * seed), times(2 * seed + 1, 1.1)
    assert verdict(paired_ratio(a, b)) == "slower"
    assert verdict(ratio_of_medians(a, b)) == "slower"
    assert verdict(paired_ratio(b, a)) == "faster"


def test_noise_of_both_of_a_pair_does_not_count() -> None:
    disturbed = np.exp(np.random.default_rng(0).standard_normal(30))
    a, b = np.array(times(1)) * disturbed, np.array(times(2, 1.1)) * disturbed
    found = paired_ratio(list(a), list(b))
    assert verdict(found) == "slower"
    assert found.low < 1.1 < found.high * 1.01


def test_few_wild_times_decide_nothing() -> None:
    assert verdict(paired_ratio([1.0, 1.0, 1.0], [0.5, 1.2, 2.0])) == "unsure"
