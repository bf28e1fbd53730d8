"""Touching stretches of one shot are one moment."""

from __future__ import annotations

from videobert.pipeline.suppression import Scored, moments


def scored(*stretches: tuple[float, float, float], video: int = 0, shot: int = 0) -> list[Scored]:
    return [Scored(at, video, shot, start, end, value) for at, (start, end, value) in enumerate(stretches)]


def spans(found: list[Scored], top: int = 10, within: float = 0.1) -> list[tuple[float, float, float]]:
    return [(each.start_s, each.end_s, each.best.value) for each in moments(found, top, within)]


def test_stretches_alike_are_joined_and_weaker_edges_left_out() -> None:
    found = scored((0, 2, 0.5), (2, 4, 0.95), (4, 6, 1.0), (6, 8, 0.2), (20, 22, 0.6))
    assert spans(found) == [(2, 6, 1.0), (20, 22, 0.6)]


def test_another_shot_or_video_is_another_moment() -> None:
    one, other, third = scored((0, 2, 1.0)), scored((2, 4, 0.9), shot=1), scored((0, 2, 0.8), video=1)
    assert spans(one + other + third) == [(0, 2, 1.0), (2, 4, 0.9), (0, 2, 0.8)]


def test_a_bridge_makes_two_moments_one() -> None:
    found = scored((0, 2, 1.0), (4, 6, 0.99), (2, 4, 0.95))
    assert spans(found) == [(0, 6, 1.0)]


def test_overlapping_stretches_give_one_result() -> None:
    assert spans(scored((0, 4, 0.9), (1, 3, 1.0), (2, 6, 0.3))) == [(0, 4, 1.0)]


def test_no_more_than_were_asked_for_and_nothing_of_nothing() -> None:
    assert spans(scored((0, 1, 0.1), (5, 6, 0.3), (10, 11, 0.2)), top=2) == [(5, 6, 0.3), (10, 11, 0.2)]
    assert spans([]) == []


def test_what_does_not_fit_is_not_joined() -> None:
    found = scored((0, 2, -3.0), (2, 4, -3.05), (4, 6, -3.1))
    assert [(each.start_s, each.end_s) for each in moments(found, 9, 1.0, least=0.0)] == [(0, 2), (4, 6)]
    assert [(each.start_s, each.end_s) for each in moments(found, 9, 1.0)] == [(0, 6)]
