"""Verdicts over two measurements that were taken apart, on times as a real machine gives them."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.bench.regression import ratio_between
from videobert.bench.statistics import verdict


def answers(seed: int, scale: float = 1.0, count: int = 10) -> list[float]:
    """One process: a level of its own, slow drift, noise that only adds, and a straggler in ten answers."""
    rng = np.random.default_rng(seed)
    level = np.exp(0.01 * rng.standard_normal())
    drift, now = [], 0.0
    for _ in range(count):
        now = 0.6 * now + 0.01 * rng.standard_normal()
        drift.append(now)
    stragglers = np.where(rng.random(count) < 0.1, rng.exponential(0.25, count), 0.0)
    noise = 1 + 0.01 * np.abs(rng.standard_normal(count)) + stragglers
    return [float(each) for each in scale * 0.3 * level * np.exp(drift) * noise]


def test_twenty_runs_of_the_same_thing_raise_no_alarm() -> None:
    said = {verdict(ratio_between(answers(2 * seed), answers(2 * seed + 1))) for seed in range(20)}
    assert said <= {"same", "unsure"}


def test_a_tenth_more_is_found_in_twenty_runs() -> None:
    found = [ratio_between(answers(2 * seed, count=20), answers(2 * seed + 1, 1.1, count=20)) for seed in range(20)]
    assert [verdict(each) for each in found] == ["slower"] * 20
    back = [ratio_between(answers(2 * seed + 1, 1.1, count=20), answers(2 * seed, count=20)) for seed in range(20)]
    assert [verdict(each) for each in back] == ["faster"] * 20
    assert float(np.median([each.median for each in found])) == pytest.approx(1.1, abs=0.02)


def test_what_the_machine_itself_became_slower_by_is_no_regression() -> None:
    old, new = answers(1, count=20), answers(2, 1.1, count=20)
    assert verdict(ratio_between(old, new, machine=1.1)) in ("same", "unsure")
    assert verdict(ratio_between(old, new, machine=1.3)) == "unsure"
    # A machine that became faster hides nothing that is slower all the same.
    assert verdict(ratio_between(old, new, machine=0.95)) == "slower"


def test_stragglers_alone_are_no_regression() -> None:
    old = answers(3, count=12)
    stalled = [time * (1.5 if place % 2 else 1.0) for place, time in enumerate(answers(4, count=12))]
    assert verdict(ratio_between(old, stalled)) in ("same", "unsure")


def test_ratios_to_a_peer_are_compared_as_well() -> None:
    ours = np.array(answers(5, count=20)) / np.array(answers(6, count=20))
    later = np.array(answers(7, 1.15, count=20)) / np.array(answers(8, count=20))
    assert verdict(ratio_between(list(ours), list(later))) == "slower"


@pytest.mark.parametrize("old", [[1.0, 1.0], [1.0, 0.0, 1.0], [1.0, float("nan"), 1.0], []])
def test_what_are_no_times_is_refused(old: list[float]) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        ratio_between(old, [1.0, 1.0, 1.0])
    with pytest.raises(InputError, match="no ratio"):
        ratio_between([1.0] * 3, [1.0] * 3, machine=float("inf"))
