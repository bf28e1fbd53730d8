"""Presentation times out of what damaged, raw or joined streams state."""

from __future__ import annotations

from fractions import Fraction as F

import pytest

from videobert.video.timestamps import LOOK_AHEAD, PresentationClock

FRAME = F(1, 25)
STEADY = [n * FRAME for n in range(30)]


def stamp_all(clock, times, duration=FRAME, stated_end=None):
    """Times by frame number, of those that are not left out."""
    given = {}
    for number, time in enumerate(times):
        given.update(clock.offer(number, None if time is None else F(time), duration))
    given.update(clock.finish(stated_end))
    assert list(given) == sorted(given)
    assert all(a < b for a, b in zip(given.values(), list(given.values())[1:], strict=False))
    return given


def numbered(times):
    return dict(enumerate(times))


def test_good_times_pass_unchanged():
    clock = PresentationClock(FRAME)
    assert stamp_all(clock, [F(-1, 25), 0, F(7, 3)]) == numbered([F(-1, 25), 0, F(7, 3)])
    assert (clock.start, clock.left_out, clock.restarts, clock.stills_cut) == (F(-1, 25), 0, 0, 0)
    assert clock.end == F(7, 3) + FRAME


def test_frames_that_follow_are_settled_when_they_come():
    clock = PresentationClock(FRAME)
    assert list(clock.offer("a", F(0), FRAME)) == []
    assert list(clock.offer("b", FRAME, FRAME)) == [("a", 0), ("b", FRAME)]
    assert list(clock.offer("c", 2 * FRAME, FRAME)) == [("c", 2 * FRAME)]
    # One picture was dropped here.
    assert list(clock.offer("d", 4 * FRAME, FRAME)) == [("d", 4 * FRAME)]


def test_missing_times_follow_by_the_frame_s_duration():
    clock = PresentationClock(F(1, 10))
    assert stamp_all(clock, [None, None, None], F(1, 30)) == numbered([0, F(1, 30), F(2, 30)])


def test_missing_durations_take_the_nominal_one():
    clock = PresentationClock(F(1, 10))
    assert stamp_all(clock, [F(2), None, None], None) == numbered([2, F(21, 10), F(22, 10)])
    assert clock.end == F(23, 10)


@pytest.mark.parametrize("duration", [F(0), F(-3)], ids=str)
def test_senseless_durations_take_the_nominal_one(duration):
    clock = PresentationClock(F(1, 10))
    stamp_all(clock, [0], duration)
    assert clock.end == F(1, 10)


def test_frames_out_of_order_are_left_out_and_counted():
    clock = PresentationClock(FRAME)
    assert stamp_all(clock, [0, F(2, 25), F(1, 25), F(2, 25), F(3, 25)]) == {0: 0, 1: F(2, 25), 4: F(3, 25)}
    assert clock.left_out == 2


def test_late_frames_in_pairs_are_left_out():
    """What a stream looks like whose B-frames nobody put in order."""
    clock = PresentationClock(FRAME)
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12]
    times = stamp_all(clock, [n * FRAME for n in order])
    # The first of each pair comes after two frames' time and looks like an outlier; nothing is moved.
    assert all(time == order[number] * FRAME for number, time in times.items())
    assert clock.restarts == 0
    assert clock.left_out == len(order) - len(times)


@pytest.mark.parametrize(
    "strays",
    [
        {10: 7200},
        {10: F(1, 2)},
        {10: F(12, 25)},
        {10: F(3, 25)},
        {10: -500},
        {0: 7200},
        {0: -7200},
        {0: F(3, 25)},
        {1: 7200},
        {29: 7200},
        {29: F(1, 2)},
        {10: 7200, 11: 7200 + FRAME},
        {10: 7200, 11: 3600},
        {10: 7200, 11: -3600},
        {n: 7200 + n * FRAME for n in range(10, 10 + LOOK_AHEAD)},
        {n: -20 + n * FRAME for n in range(10, 10 + LOOK_AHEAD)},
        {n: 7200 + n for n in range(3, 30, 4)},
    ],
    ids=str,
)
def test_outliers_are_left_out_and_move_nothing(strays):
    clock = PresentationClock(FRAME, longest=F(1200))
    expected = {n: time for n, time in enumerate(STEADY) if n not in strays}
    assert stamp_all(clock, [strays.get(n, time) for n, time in enumerate(STEADY)]) == expected
    assert (clock.left_out, clock.restarts, clock.stills_cut) == (len(strays), 0, 0)
    assert clock.start == min(expected.values())
    assert clock.end == max(expected.values()) + FRAME


def test_a_jump_ahead_is_true_if_the_frames_behind_it_stay_there():
    clock = PresentationClock(FRAME)
    times = [*STEADY, *(60 + time for time in STEADY)]
    assert stamp_all(clock, times) == numbered(times)
    assert clock.left_out == 0


@pytest.mark.parametrize("look_ahead", [2, LOOK_AHEAD])
def test_a_frame_waits_for_so_many_and_no_more(look_ahead):
    clock = PresentationClock(FRAME, look_ahead=look_ahead)
    times = [*STEADY, *(60 + time for time in STEADY)]
    latest = -1
    for number, time in enumerate(times):
        latest = max([latest, *(given for given, _ in clock.offer(number, time, FRAME))])
        assert number - latest <= look_ahead
    assert latest == len(times) - 1


def test_slides_stand_for_as_long_as_they_do():
    clock = PresentationClock(FRAME, longest=F(1200))
    times = [0, 60, 120, 125, 700, 701]
    assert stamp_all(clock, times, None) == numbered(times)


def test_the_last_frame_of_all_may_come_late_if_its_container_says_so():
    for stated_end, expected in ((F(101), 30), (None, 29), (F(2), 29)):
        clock = PresentationClock(FRAME, longest=F(1200))
        assert len(stamp_all(clock, [*STEADY[:-1], F(100)], stated_end=stated_end)) == expected


def test_no_picture_stands_still_for_longer_than_is_allowed():
    clock = PresentationClock(FRAME, longest=F(60))
    times = [*STEADY, *(90 + time for time in STEADY)]
    assert stamp_all(clock, times) == numbered(n * FRAME for n in range(60))
    assert (clock.stills_cut, clock.restarts, clock.left_out) == (1, 0, 0)
    allowed = PresentationClock(FRAME, longest=F(60))
    times = [*STEADY, *(STEADY[-1] + 60 + time for time in STEADY)]
    assert stamp_all(allowed, times) == numbered(times)
    assert allowed.stills_cut == 0


def test_a_stated_duration_is_held_to_the_same_limit():
    clock = PresentationClock(FRAME, longest=F(60))
    given = dict(clock.offer(0, F(0), FRAME))
    given.update(clock.offer(1, FRAME, F(7200)))
    given.update(clock.offer(2, 7200 + FRAME, F(7200)))
    given.update(clock.finish())
    assert given == numbered([0, FRAME, 2 * FRAME])
    assert (clock.end, clock.stills_cut) == (3 * FRAME, 2)


def test_a_senseless_frame_rate_is_held_to_the_same_limit():
    clock = PresentationClock(F(100_000), longest=F(60))
    stamp_all(clock, [0], None)
    assert clock.end == 60


def test_a_restarted_clock_goes_on_from_the_last_frame():
    clock = PresentationClock(FRAME)
    got = stamp_all(clock, [F(100), 100 + FRAME, 0, FRAME, 2 * FRAME])
    assert got == numbered(100 + n * FRAME for n in range(5))
    assert clock.restarts == 1


@pytest.mark.parametrize("lengths", [(12, 12, 12), (5, 5, 5, 5), (2, 2, 2, 2), (3, 10, 5), (20, 8, 30)], ids=str)
@pytest.mark.parametrize("start", [F(0), F(7, 5)], ids=str)
def test_short_recordings_that_were_joined_are_all_kept(lengths, start):
    clock = PresentationClock(FRAME)
    times = [start + n * FRAME for length in lengths for n in range(length)]
    assert stamp_all(clock, times) == numbered(start + n * FRAME for n in range(sum(lengths)))
    assert (clock.restarts, clock.left_out) == (len(lengths) - 1, 0)


def test_recordings_joined_where_few_packets_have_times():
    """As in program streams: a time for the first frame of each group of pictures."""
    clock = PresentationClock(FRAME)
    times = [F(1, 2) if n == 0 else None for _ in range(3) for n in range(8)]
    assert stamp_all(clock, times) == numbered(F(1, 2) + n * FRAME for n in range(24))
    assert clock.restarts == 2


def test_a_recording_joined_to_an_earlier_one_of_a_later_clock_and_back():
    clock = PresentationClock(FRAME, longest=F(1200))
    later, earlier = [5000 + time for time in STEADY], STEADY
    assert len(stamp_all(clock, [*earlier, *later, *earlier])) == 90
    assert (clock.stills_cut, clock.restarts, clock.left_out) == (1, 1, 0)
    assert clock.end == 90 * FRAME
