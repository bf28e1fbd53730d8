"""The sampling grid against brute force, on times alone."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise

import numpy as np
import pytest

from videobert.video.sampling import KeptSamples, SampleGrid


def samples_of(times, end, fps, tolerance=F(0)):
    """Frame number for each sample, as SampleGrid settles them."""
    grid = SampleGrid(times[0], fps, tolerance)
    chosen = {}
    for n, time in enumerate(times):
        before, now = grid.advance(time)
        chosen.update(dict.fromkeys(before, n - 1))
        chosen.update(dict.fromkeys(now, n))
    chosen.update(dict.fromkeys(grid.finish(end), len(times) - 1))
    assert list(chosen) == list(range(len(chosen)))
    return list(chosen.values())


RATES = [F(24000, 1001), F(24), F(25), F(30000, 1001), F(30), F(60), F(10), F(1, 2), F(20)]


@pytest.mark.parametrize("fps", [F(20), F(30000, 1001), F(7, 3)], ids=str)
@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("start", [F(0), F(-7, 30), F(1400, 1001)], ids=str)
def test_constant_rates_match_brute_force(factory, rate, fps, start):
    times = [start + n / rate for n in range(70)]
    end = times[-1] + 1 / rate
    assert samples_of(times, end, fps) == factory.expected_frames(times, end, fps)


@pytest.mark.parametrize("seed", range(20))
def test_irregular_times_match_brute_force(factory, seed):
    rng = np.random.default_rng(seed)
    ticks = np.cumsum(rng.choice([1, 5, 33, 50, 51, 400], 60))
    times = [F(int(t), 1000) for t in ticks]
    end = times[-1] + F(int(rng.integers(1, 200)), 1000)
    assert samples_of(times, end, F(20)) == factory.expected_frames(times, end, F(20))


def test_a_frame_exactly_on_the_grid_is_settled_when_it_comes():
    grid = SampleGrid(F(3), F(20))
    assert grid.advance(F(3)) == (range(0, 0), range(0, 1))
    assert grid.advance(F(3) + F(1, 20)) == (range(1, 1), range(1, 2))


def test_a_frame_between_grid_points_waits_for_its_successor():
    grid = SampleGrid(F(0), F(20))
    grid.advance(F(0))
    assert grid.advance(F(1, 30)) == (range(1, 1), range(1, 1))
    assert grid.advance(F(2, 30)) == (range(1, 2), range(2, 2))


def test_tolerance_takes_binary_times_for_what_they_mean():
    times = [F(n * 0.05) for n in range(40)]
    assert any(time > F(n, 20) for n, time in enumerate(times)), "0.15 is more than 3/20 in binary"
    assert samples_of(times, F(2), F(20), F(1, 10**6)) == list(range(40))


def test_tolerance_settles_binary_times_at_once():
    grid = SampleGrid(F(0.0), F(20), F(1, 10**6))
    assert any(F(n / 20) < F(n, 20) for n in range(40)), "0.95 is less than 19/20 in binary"
    assert [list(grid.advance(F(n / 20))[1]) for n in range(40)] == [[n] for n in range(40)]


def test_the_shortest_video_has_one_sample():
    grid = SampleGrid(F(5), F(20))
    assert list(grid.advance(F(5))[1]) + list(grid.finish(F(5) + F(1, 1000))) == [0]


def test_a_long_gap_repeats_the_frame_before_it():
    assert samples_of([F(0), F(3600)], F(3600) + F(1, 20), F(20)) == [0] * 72000 + [1]


@pytest.mark.parametrize("seed", range(20))
def test_kept_samples_are_those_that_a_clip_is_made_of(seed):
    rng = np.random.default_rng(seed)
    stride, samples, fps = int(rng.integers(1, 6)), int(rng.integers(1, 9)), F(int(rng.integers(1, 40)), 3)
    start = F(int(rng.integers(-100, 100)), 7)
    times = [start, *(start + F(int(t), 90) for t in np.cumsum(rng.integers(1, 60, 50)))]
    end = times[-1] + F(int(rng.integers(1, 400)), 90)
    kept = KeptSamples(start, fps, samples, stride)
    chosen = samples_of(times, end, fps)
    wanted = {frame for sample, frame in enumerate(chosen) if sample // samples % stride == 0}
    said = {n for n, (time, after) in enumerate(pairwise(times)) if kept.wants(time, after)}
    assert said == wanted - {len(times) - 1}
    # A clip that the video breaks off in is filled with the last frame, whether or not a sample falls on it.
    broken_off = (len(chosen) - 1) // samples % stride == 0
    assert kept.wants_last(times[-1], end) or not (len(times) - 1 in wanted or broken_off)
