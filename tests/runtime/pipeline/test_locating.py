"""Stretches found among values of clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from videobert.pipeline.locating import Found, Judged, find
from videobert.pipeline.spans import Span


def found(
    values: Sequence[float], most: int = 9, *, shots: Sequence[int] | None = None, base: float | None = 0.0
) -> list[Found]:
    """Clips of a second each, whose stretches have the mean of their values."""
    film = [
        Span(float(at), at + 1.0, at, 0 if shots is None else shots[at], (at,), sole=True) for at in range(len(values))
    ]

    def judge(stretches: Sequence[Sequence[int]]) -> Judged:
        means = np.array([np.mean([values[clip] for clip in stretch]) for stretch in stretches])
        return Judged(means, np.ones(len(means), np.bool_))

    return find(film, judge, most, base=base)


def places(hits: Sequence[Found]) -> list[tuple[float, float]]:
    return [(hit.start_s, hit.end_s) for hit in hits]


@pytest.mark.parametrize("length", [1, 2, 5, 40])
def test_a_stretch_of_any_length_is_found_whole(length: int) -> None:
    (hit,) = found([-4.0] * 7 + [5.0] * length + [-4.0] * 9)
    assert (hit.start_s, hit.end_s, hit.value) == (7, 7 + length, 5.0)
    assert hit.clips == tuple(range(7, 7 + length))


def test_a_dip_is_bridged_where_what_lies_around_outweighs_it() -> None:
    assert places(found([-5, 6, 6, 2, 6, 6, -5])) == [(1, 6)]
    assert places(found([-5, 6, -20, 6, -5])) == [(1, 2), (3, 4)]


def test_several_are_found_best_first_and_none_lies_over_another() -> None:
    hits = found([4, 4, -3, 8, 8, -3, 2, -3])
    assert places(hits) == [(3, 5), (0, 2), (6, 7)]
    assert places(found([4, 4, -3, 8, 8, -3, 2, -3], most=2)) == [(3, 5), (0, 2)]


def test_nothing_above_the_base_is_nothing_found() -> None:
    assert found([-1.0, 0.0, -2.0]) == []


def test_where_no_base_is_known_the_best_is_found_and_what_rises_half_as_high() -> None:
    hits = found([1, 1, 9, 1, 1, 6, 1, 3, 1], base=None)
    assert places(hits) == [(2, 3), (5, 6)]
    assert [hit.height for hit in hits] == [1.0, pytest.approx(5 / 8)]
    assert places(found([2.0, 2.0, 2.0], base=None)) == [(0, 1)] or len(found([2.0, 2.0, 2.0], base=None)) == 1


def test_what_falls_off_from_a_stretch_is_no_stretch_of_its_own() -> None:
    assert places(found([-5, 1, 3, 9, 9, 3, 1, -5])) == [(3, 5)]


def test_across_a_cut_a_lower_one_is_one_of_its_own() -> None:
    assert places(found([9, 9, 3, 3, -5], shots=[0, 0, 1, 1, 2])) == [(0, 2), (2, 4)]


def test_shots_that_are_mostly_covered_are_taken_whole_where_together_they_fit_as_well() -> None:
    values = [9.0, 9.0, 9.0, -2.0, -5.0]
    film = [Span(float(at), at + 1.0, at, int(at == 4), (at,), sole=True) for at in range(5)]

    def judge(stretches: Sequence[Sequence[int]]) -> Judged:
        # As probabilities that are pooled: one dark clip among bright ones changes little.
        return Judged(
            np.array([max(values[clip] for clip in each) for each in stretches]), np.ones(len(stretches), np.bool_)
        )

    assert places(find(film, judge, 1, base=0.0)) == [(0, 4)]
