"""Mean average precision by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "everyday"))

from average_precision import Stretch, average_precision, by_label, mean, overlap_of_union


def test_overlap_of_union() -> None:
    one = Stretch("film", "a", 0, 2)
    assert overlap_of_union(one, Stretch("film", "a", 1, 3)) == pytest.approx(1 / 3)
    assert overlap_of_union(one, one) == 1.0
    assert overlap_of_union(one, Stretch("film", "a", 2, 3)) == 0.0


def test_each_true_stretch_is_found_once_and_by_the_best_first() -> None:
    true = [Stretch("film", "a", 0, 2), Stretch("film", "a", 4, 6)]
    found = [
        Stretch("film", "a", 0, 2, 0.9),
        Stretch("film", "a", 0, 1.9, 0.8),  # the same once more
        Stretch("other", "a", 4, 6, 0.7),  # another film
        Stretch("film", "a", 4, 6.5, 0.6),
    ]
    # Recall a half at precision one, then all at two of four.
    assert average_precision(found, true, 0.5) == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    assert average_precision(found, true, 0.9) == pytest.approx(0.5)
    assert average_precision([], true, 0.5) == 0.0


def test_precision_is_raised_to_what_comes_behind() -> None:
    true = [Stretch("film", "a", 0, 1), Stretch("film", "a", 2, 3)]
    found = [Stretch("film", "a", 5, 6, 0.9), Stretch("film", "a", 0, 1, 0.8), Stretch("film", "a", 2, 3, 0.7)]
    assert average_precision(found, true, 0.5) == pytest.approx(2 / 3)


def test_labels_without_true_stretches_do_not_count() -> None:
    true = [Stretch("film", "a", 0, 1), Stretch("film", "b", 0, 1)]
    values = by_label([Stretch("film", "a", 0, 1), Stretch("film", "c", 0, 1)], true)
    assert values == {"a": 1.0, "b": 0.0}
    assert mean(values) == 0.5
