"""Runs of labels: the likeliest path against all paths there are, and what is joined."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from videobert.pipeline.label_runs import Run, Said, best_path, extended, runs, without_gaps


def test_the_path_is_the_best_of_all_paths() -> None:
    draw = np.random.default_rng(7)
    for cost in (0.0, 0.5, 3.0):
        for _ in range(10):
            rows = np.log(draw.dirichlet(np.ones(3), 5))
            best = max(
                itertools.product(range(3), repeat=5),
                key=lambda path: (
                    sum(rows[clip, label] for clip, label in enumerate(path))
                    - cost * sum(a != b for a, b in itertools.pairwise(path))
                ),
            )
            assert best_path(rows, cost).tolist() == list(best)


def test_a_label_that_is_impossible_somewhere_is_no_trouble() -> None:
    with np.errstate(divide="ignore"):
        rows = np.log(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert best_path(rows).tolist() == [0, 1]


def test_a_clip_that_differs_from_both_neighbours_has_to_be_sure_of_it() -> None:
    def middle(odds: float) -> int:
        rows = np.log(np.array([[999, 1], [1, odds], [999, 1]]) / np.array([[1000], [1 + odds], [1000]]))
        return int(best_path(rows)[1])

    assert (middle(300), middle(500)) == (0, 1)


@pytest.mark.parametrize(
    ("labels", "scores", "stands", "wanted"),
    [
        ([0, 0, 0], [0.9, 0.4, 0.9], [1, 0, 1], [0, 0, 0]),  # a dull clip does not part a run
        ([0, 0, 0], [0.9, 0.2, 0.9], [1, 0, 1], [0, None, 0]),
        ([0, 1, 0], [0.9, 0.4, 0.9], [1, 0, 1], [0, None, 0]),
        ([0, 0, 0, 0], [0.3, 0.9, 0.3, 0.3], [0, 1, 0, 0], [0, 0, 0, None]),  # as far as the mean allows
        ([0, 0, 0], [0.4, 0.4, 0.4], [0, 0, 0], [None, None, None]),
        ([0, 0, 1, 1], [0.9, 0.9, 0.9, 0.3], [1, 1, 1, 0], [0, 0, 1, 1]),
        ([0, 0], [0.9, 0.9], [1, 0], [0, 0]),  # an unsure clip beside a sure one
        ([], [], [], []),
    ],
)
def test_runs_take_in_neighbours(
    labels: list[int], scores: list[float], stands: list[int], wanted: list[int | None]
) -> None:
    near = [score >= 0.25 for score in scores]
    assert extended(labels, scores, [bool(each) for each in stands], near, 0.5) == wanted


def test_clips_that_say_the_same_are_one_run_with_their_mean_by_time() -> None:
    said = [Said(0, 1, 4, 0.5), Said(1, 4, 4, 0.9), Said(4, 5, None), Said(5, 6, 2, 0.7), Said(6.2, 7, 2, 0.7)]
    found = runs(said, 0.1)
    assert [run[:3] for run in found] == [(0, 4, 4), (4, 5, None), (5, 6, 2), (6.2, 7, 2)]
    assert found[0].score == pytest.approx(0.8)
    assert runs(said, 0.3)[-1] == Run(5, 7, 2, pytest.approx(0.7))
    assert runs([], 0.1) == []


def test_gaps_say_nothing() -> None:
    said = [Said(1, 2, 0, 0.5), Said(2.05, 3, 0, 0.5)]
    assert without_gaps(said, 0, 3.05, 0.1) == [Said(0, 1, None), *said]
    assert without_gaps(said, 1, 4, 0.01) == [said[0], Said(2, 2.05, None), said[1], Said(3, 4, None)]
