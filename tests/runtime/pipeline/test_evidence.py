"""Occlusion: what a score loses without each clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from videobert.pipeline.evidence import evidence, mean_evidence
from videobert.pipeline.watched import ClipTimes


def film(clips: int) -> ClipTimes:
    starts = np.arange(clips, dtype=np.float64) * 2
    return ClipTimes(start_s=starts, end_s=starts + 2, padded_frames=0)


def score_of(values: Sequence[float], asked: list[int]) -> object:
    def score(stretches: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        asked.append(len(stretches))
        return np.array([np.mean([values[clip] for clip in stretch]) for stretch in stretches])

    return score


def test_each_clip_has_what_the_mean_loses_without_it() -> None:
    values, asked = [0.0, 6.0, 3.0, 0.0, 9.0], list[int]()
    found = evidence(film(5), [1, 2, 4], score_of(values, asked), without_any=0.0)  # type: ignore[arg-type]
    assert [(each.start_s, each.end_s) for each in found] == [(2, 4), (4, 6), (8, 10)]
    assert [each.drop for each in found] == pytest.approx([6 - 6, 6 - 7.5, 6 - 4.5])
    assert sum(asked) == 4


def test_a_clip_alone_is_held_against_nothing() -> None:
    (only,) = evidence(film(3), [1], score_of([0, 5, 0], []), without_any=2.0)  # type: ignore[arg-type]
    assert (only.start_s, only.end_s, only.drop) == (2, 4, 3.0)


def test_of_a_long_stretch_neighbours_are_left_out_together() -> None:
    asked: list[int] = []
    found = evidence(film(1000), range(1000), score_of([1.0] * 1000, asked), without_any=0.0)  # type: ignore[arg-type]
    assert len(found) == 32
    assert sum(asked) == 33
    assert (found[0].start_s, found[-1].end_s) == (0, 2000)
    assert all(each.drop == pytest.approx(0) for each in found)


def test_a_mean_weighs_clips_by_their_length() -> None:
    times = ClipTimes(start_s=np.array([0.0, 1.0, 4.0]), end_s=np.array([1.0, 4.0, 5.0]), padded_frames=0)
    found = mean_evidence(times, [0, 1, 2], np.array([0.9, 0.1, 0.5]), without_any=0.0)
    whole = (0.9 + 0.3 + 0.5) / 5
    assert [each.drop for each in found] == pytest.approx([whole - 0.8 / 4, whole - 0.7, whole - 1.2 / 4])
