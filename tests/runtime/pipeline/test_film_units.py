"""A film in units: whole shots, and parts of shots that are too long, on clip bounds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from videobert.pipeline.clip_vectors import ClipVectors
from videobert.pipeline.film_units import Unit, film_units

Times = npt.NDArray[np.float64]


def clips_of(kinds: str, clip_s: float = 1.5) -> tuple[ClipVectors, Times, Times]:
    """A clip for each letter; equal letters look alike, others are nothing alike."""
    rows = np.eye(26, dtype=np.float32)[[ord(kind) - ord("a") for kind in kinds]]
    start_s = np.arange(len(kinds)) * clip_s
    return ClipVectors(rows, 0.0, 0.75), start_s, start_s + clip_s


def units(kinds: str, cuts: list[float] | None, longest_s: float) -> list[Unit]:
    vectors, start_s, end_s = clips_of(kinds)
    found = film_units(vectors, start_s, end_s, None if cuts is None else np.array(cuts, np.float64), longest_s)
    assert found[0].start_s == start_s[0]
    assert found[-1].end_s == end_s[-1]
    assert all(one.end_s == other.start_s for one, other in pairwise(found))
    assert all(unit.stop > unit.first and unit.seconds > 0 for unit in found)
    return found


def test_shots_are_kept_whole_and_judged_by_the_clips_that_show_them_alone() -> None:
    found = units("aabbcc", [2.0, 7.0], 6.0)
    assert [(unit.start_s, unit.end_s, unit.first, unit.stop, unit.shot) for unit in found] == [
        (0.0, 2.0, 0, 1, None),
        (2.0, 7.0, 2, 4, None),
        (7.0, 9.0, 5, 6, None),
    ]


def test_a_shot_that_shows_several_things_is_taken_in_parts_though_it_is_short() -> None:
    found = units("aabbaa", [6.0], 9.0)
    assert [(unit.start_s, unit.end_s, unit.shot) for unit in found] == [
        (0.0, 3.0, (0.0, 6.0)),
        (3.0, 6.0, (0.0, 6.0)),
        (6.0, 9.0, None),
    ]


def test_a_shot_too_short_for_a_clip_has_the_one_that_it_lies_in() -> None:
    found = units("aab", [1.6, 1.9], 6.0)
    assert [(unit.start_s, unit.end_s, unit.first, unit.stop) for unit in found][1] == (1.6, 1.9, 1, 2)


def test_a_longer_shot_is_taken_in_parts_that_look_alike() -> None:
    found = units("aabbbbbbcc", [12.0], 9.0)
    assert [(unit.start_s, unit.end_s) for unit in found] == [
        (0.0, 3.0),
        (3.0, 6.0),
        (6.0, 9.0),
        (9.0, 12.0),
        (12.0, 15.0),
    ]
    assert [unit.shot for unit in found] == [(0.0, 12.0)] * 4 + [None]


def test_without_known_shots_the_film_is_taken_in_parts_and_no_shot_is_named() -> None:
    found = units("abbba", None, 4.5)
    assert [(unit.start_s, unit.end_s) for unit in found] == [(0, 1.5), (1.5, 3), (3, 4.5), (4.5, 6), (6, 7.5)]
    assert all(unit.shot is None for unit in found)
    assert len(units("abbba", None, 30.0)) == 3


@pytest.mark.parametrize("cuts", [[], [0.0, 7.5], [-1.0, 99.0]])
def test_cuts_outside_the_film_are_none(cuts: list[float]) -> None:
    assert [(unit.start_s, unit.end_s) for unit in units("aaaaa", cuts, 9.0)] == [(0.0, 7.5)]


def test_what_a_stride_left_out_belongs_to_the_clip_before_it() -> None:
    vectors = ClipVectors(np.eye(3, dtype=np.float32), 0.0, 0.75)
    start_s = np.array([0.0, 4.5, 9.0])
    found = film_units(vectors, start_s, start_s + 1.5, None, 3.0)
    assert [(unit.start_s, unit.end_s) for unit in found] == [(0.0, 4.5), (4.5, 9.0), (9.0, 10.5)]
