"""Clips laid in shots: where they lie, for cuts that are known at once, late or never."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np
import pytest

from videobert.model.recipe import Recipe
from videobert.pipeline.cut_detectors import SoFar
from videobert.pipeline.shot_clips import ShotClips
from videobert.video.clip import Clip

RECIPE = Recipe(fps=10, frames=16, short_side=8, crop=8)


def samples(count: int) -> Iterator[Clip]:
    """One frame each, whose pixels tell its number."""
    for number in range(count):
        yield Clip(
            index=number,
            start_s=number / 10,
            end_s=(number + 1) / 10,
            frames=np.full((1, 8, 8, 3), number % 251, np.uint8),
            times_s=np.array([number / 10]),
        )


class Cuts:
    """Tells cuts so many samples after they are seen; None of them where it cannot."""

    def __init__(self, *at: int, late: int = 0, known: bool = True) -> None:
        self._at, self._late, self._known = at, late, known
        self.seen = 0

    def so_far(self) -> SoFar | None:
        if not self._known:
            return None
        until = self.seen - self._late
        return SoFar([cut / 10 for cut in self._at if cut < until], until / 10 if until > 0 else None)

    def bounds(self) -> list[float] | None:
        return [cut / 10 for cut in self._at] if self._known else None


def laid(count: int, cuts: Cuts, **how: object) -> tuple[list[tuple[int, int, int, int]], ShotClips]:
    """For each clip its shot, its first and last sample, and how many are repeated."""

    def counted() -> Iterator[Clip]:
        for sample in samples(count):
            cuts.seen += 1
            yield sample

    clips = ShotClips(counted(), cuts, RECIPE, **how)  # type: ignore[arg-type]
    found = []
    for clip in clips:
        shown = clip.on_host()[:, 0, 0, 0].tolist()
        last = 16 - clip.padded_frames
        assert shown == [*range(shown[0], shown[0] + last), *[shown[last - 1]] * clip.padded_frames]
        assert clip.times_s.tolist() == [number / 10 for number in shown]
        assert (clip.start_s, clip.end_s) == (shown[0] / 10, (shown[last - 1] + 1) / 10)
        assert clip.clip_recipe == RECIPE.clip_hash
        found.append((clips.laid[clip.index].shot, shown[0], shown[last - 1], clip.padded_frames))
    return found, clips


@pytest.mark.parametrize("late", [0, 3, 40, 1000])
def test_clips_follow_each_other_and_the_last_ends_with_its_shot(late: int) -> None:
    found, clips = laid(60, Cuts(20, late=late))
    assert found == [(0, 0, 15, 0), (0, 4, 19, 0), (1, 20, 35, 0), (1, 36, 51, 0), (1, 44, 59, 0)]
    assert clips.cuts_s == [2.0]
    assert (clips.start_s, clips.end_s) == (0.0, 6.0)


@pytest.mark.parametrize(
    ("count", "cuts", "wanted"),
    [
        (33, (), [(0, 0, 15, 0), (0, 16, 31, 0)]),  # one sample more is not worth a clip
        (34, (), [(0, 0, 15, 0), (0, 16, 31, 0), (0, 18, 33, 0)]),
        (10, (), [(0, 0, 9, 6)]),
        (1, (), [(0, 0, 0, 15)]),  # all there is
        (40, (17, 18), [(0, 0, 15, 0), (2, 18, 33, 0), (2, 24, 39, 0)]),  # a flash shows nothing
        (22, (16, 18, 20), [(0, 0, 15, 0), (1, 16, 17, 14), (2, 18, 19, 14), (3, 20, 21, 14)]),
    ],
)
def test_short_rests_and_short_shots(count: int, cuts: tuple[int, ...], wanted: list[tuple[int, ...]]) -> None:
    assert laid(count, Cuts(*cuts))[0] == wanted


def test_without_cuts_all_is_one_shot() -> None:
    found, clips = laid(48, Cuts(20, known=False))
    assert [clip[:3] for clip in found] == [(0, 0, 15), (0, 16, 31), (0, 32, 47)]
    assert clips.cuts_s is None


def test_a_stride_leaves_clips_out_in_every_shot() -> None:
    found, _ = laid(16 * 6, Cuts(16 * 5), stride=2)
    assert [clip[:3] for clip in found] == [(0, 0, 15), (0, 32, 47), (0, 64, 79), (1, 80, 95)]
    found, _ = laid(16 * 4, Cuts(), stride=2)
    assert [clip[:3] for clip in found] == [(0, 0, 15), (0, 32, 47)]


def test_a_span_is_as_if_the_rest_were_cut_off() -> None:
    cuts = Cuts(5, 30)
    found, clips = laid(100, cuts, span=(1.0, 4.0))
    assert [clip[:3] for clip in found] == [(0, 10, 25), (0, 14, 29), (1, 30, 39)]
    assert (clips.start_s, clips.end_s, clips.cuts_s) == (1.0, 4.0, [3.0])
    # What lies behind it is not read.
    assert cuts.seen == 41
    assert laid(20, Cuts(), span=(7.0, inf))[0] == []


def test_a_long_shot_takes_no_memory() -> None:
    cuts = Cuts(late=50)

    def counted() -> Iterator[Clip]:
        for sample in samples(2000):
            cuts.seen += 1
            assert len(clips._kept) < 50 + 2 * 16 + 8
            yield sample

    clips = ShotClips(counted(), cuts, RECIPE)
    assert len(list(clips)) == 125


def test_how_clips_lie_does_not_depend_on_when_cuts_are_known() -> None:
    draw = np.random.default_rng(3)
    for _ in range(30):
        count = int(draw.integers(1, 150))
        at = sorted(set(draw.integers(1, count + 1, 5).tolist()) - {count})
        wanted = laid(count, Cuts(*at))[0]
        assert laid(count, Cuts(*at, late=int(draw.integers(1, 80))))[0] == wanted
        for shot, first, last, _ in wanted:
            assert [0, *at][shot] <= first <= last < [*at, count][shot]
