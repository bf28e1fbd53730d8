"""What is kept of a stretch's clips: exact while they are few, and no more than 64 places however many come."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.pipeline.kept_answers import KeptAnswers


def kept(values: list[float]) -> KeptAnswers:
    answers = KeptAnswers()
    for number, value in enumerate(values):
        answers.add(2.0 * number, 2.0 * number + 2, {"colour": np.array([1 - value, value])})
    return answers


def test_each_clip_has_what_the_mean_loses_without_it() -> None:
    values = [0.2, 0.9, 0.4]
    found = kept(values).evidence("colour", 1, 0.5, 5.5)
    assert [each.drop for each in found] == pytest.approx(
        [np.mean(values) - np.mean(np.delete(values, at)) for at in range(3)]
    )
    # Not beyond the stretch that they were said of.
    assert [(each.start_s, each.end_s) for each in found] == [(0.5, 2), (2, 4), (4, 5.5)]


def test_a_clip_alone_is_held_against_labels_that_are_all_as_likely() -> None:
    (only,) = kept([0.9]).evidence("colour", 1, 0, 2)
    assert only.drop == pytest.approx(0.4)


@pytest.mark.parametrize("count", [63, 64, 65, 129, 1000])
def test_memory_does_not_grow_and_the_planted_clip_is_found(count: int) -> None:
    planted = count // 2
    answers = kept([0.9 if number == planted else 0.1 for number in range(count)])
    assert len(answers._times) <= 64
    assert sum(answers._counts) == count
    found = answers.evidence("colour", 1, 0, 2 * count)
    assert len(found) <= 32
    assert (found[0].start_s, found[-1].end_s) == (0, 2 * count)
    first = max(found, key=lambda each: each.drop)
    assert first.start_s <= 2 * planted < first.end_s
