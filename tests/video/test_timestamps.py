"""Presentation times out of what damaged, raw or joined streams state."""

from __future__ import annotations

from fractions import Fraction as F

import pytest

from videobert.video.timestamps import DecodeOrderTimes, PresentationClock

FRAME = F(1, 25)


def stamp_all(clock, times, duration=FRAME):
    return [clock.stamp(None if t is None else F(t), duration) for t in times]


def test_good_times_pass_unchanged():
    clock = PresentationClock(FRAME)
    assert stamp_all(clock, [F(-1, 25), 0, F(7, 3)]) == [F(-1, 25), 0, F(7, 3)]
    assert (clock.estimated, clock.left_out, clock.restarts) == (0, 0, 0)
    assert clock.end == F(7, 3) + FRAME


def test_missing_times_follow_by_the_frame_s_duration():
    clock = PresentationClock(F(1, 10))
    assert stamp_all(clock, [None, None, None], F(1, 30)) == [0, F(1, 30), F(2, 30)]
    assert clock.estimated == 3


def test_missing_durations_take_the_nominal_one():
    clock = PresentationClock(F(1, 10))
    assert stamp_all(clock, [F(2), None, None], None) == [2, F(21, 10), F(22, 10)]
    assert clock.end == F(23, 10)


@pytest.mark.parametrize("duration", [F(0), F(-3)], ids=str)
def test_senseless_durations_take_the_nominal_one(duration):
    clock = PresentationClock(F(1, 10))
    clock.stamp(F(0), duration)
    assert clock.end == F(1, 10)


def test_frames_out_of_order_are_left_out_and_counted():
    clock = PresentationClock(FRAME)
    assert stamp_all(clock, [0, F(2, 25), F(1, 25), F(2, 25), F(3, 25)]) == [0, F(2, 25), None, None, F(3, 25)]
    assert clock.left_out == 2


def test_a_restarted_clock_goes_on_from_the_last_frame():
    clock = PresentationClock(FRAME)
    got = stamp_all(clock, [F(100), 100 + FRAME, 0, FRAME, 2 * FRAME])
    assert got == [100 + n * FRAME for n in range(5)]
    assert clock.restarts == 1


def test_decoding_times_are_shown_in_order():
    order = DecodeOrderTimes()
    for ticks in (0, 1, None, 2):
        order.read(ticks)
    assert [order.show() for _ in range(4)] == [0, 1, 2, None]
