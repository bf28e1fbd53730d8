"""Spans of a video: which clip tells of which stretch, where cuts part clips."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.pipeline.spans import spans, told
from videobert.pipeline.watched import ClipTimes, Watched


def watched(bounds: list[float], cuts: list[float] | None) -> Watched:
    times = np.array(bounds, np.float64)
    clips = ClipTimes(start_s=times[:-1], end_s=times[1:], padded_frames=0)
    cuts_s = None if cuts is None else np.array(cuts, np.float64)
    return Watched(clips=clips, origin=None, percentile=None, out_of_domain=False, cuts_s=cuts_s)  # type: ignore[arg-type]


def shown(film: Watched, within: tuple[float, float] | None = None) -> list[tuple[float, float, tuple[int, ...]]]:
    return [(span.start_s, span.end_s, span.told_by) for span in spans(film, within)]


@pytest.mark.parametrize("cuts", [None, []])
def test_without_cuts_each_clip_is_a_span(cuts: list[float] | None) -> None:
    assert shown(watched([0, 2, 4, 6], cuts)) == [(0, 2, (0,)), (2, 4, (1,)), (4, 6, (2,))]


def test_each_side_of_a_cut_is_told_by_the_nearest_clip_of_its_shot() -> None:
    found = shown(watched([0, 2, 4, 6], [3.0]))
    assert found == [(0, 2, (0,)), (2, 3, (0,)), (3, 4, (2,)), (4, 6, (2,))]


def test_a_cut_next_to_where_a_clip_begins_leaves_it_its_own() -> None:
    assert shown(watched([0, 2, 4], [1.9])) == [(0, 1.9, (0,)), (1.9, 2, (1,)), (2, 4, (1,))]


def test_a_shot_without_a_clip_of_its_own_may_be_told_by_those_that_show_a_part_of_it() -> None:
    found = spans(watched([0, 2, 4, 6], [1.0, 3.2]))
    middle = [span for span in found if span.shot == 1]
    assert [span.told_by for span in middle] == [(0, 1), (0, 1)]
    assert not any(span.sole for span in middle)


def test_a_clip_that_shows_two_shots_is_put_down_to_the_one_that_says_the_same_by_itself() -> None:
    # Clip 1 shows the end of shot 1 and the beginning of shot 2, which has clips of its own.
    film = spans(watched([0, 2, 4, 6, 8], [1.0, 3.2]))
    loud_neighbour = told(film, {0: 3.0, 1: 9.0, 2: 9.0, 3: 9.0}, 0.0)
    assert [each.value for span, each in zip(film, loud_neighbour, strict=True) if span.shot == 1] == [3.0, 3.0]
    quiet_neighbour = told(film, {0: 3.0, 1: 9.0, 2: 1.0, 3: 1.0}, 0.0)
    assert [each.value for span, each in zip(film, quiet_neighbour, strict=True) if span.shot == 1] == [9.0, 9.0]


def test_of_a_shot_whose_clips_all_tell_of_others_nothing_is_known() -> None:
    film = spans(watched([0, 2, 4, 6, 8], [2.8, 3.2]))
    found = told(film, {0: 9.0, 1: 8.0, 2: 9.0, 3: 9.0}, 0.0)
    assert [each.value for span, each in zip(film, found, strict=True) if span.shot == 1] == [0.0]


def test_a_last_clip_that_is_mostly_repeated_is_told_by_the_one_before() -> None:
    assert shown(watched([0, 2, 4, 4.1], None)) == [(0, 2, (0,)), (2, 4, (1,)), (4, 4.1, (1,))]


def test_a_part_of_a_video_is_bounded_as_by_cuts() -> None:
    assert shown(watched([0, 2, 4, 6], None), (1.0, 4.0)) == [(1, 2, (1,)), (2, 4, (1,))]
    with pytest.raises(InputError, match="outside the video"):
        spans(watched([0, 2, 4], None), (5.0, 9.0))
