"""Memory grows neither with the length of a video nor with the number of videos."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction as F
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("dali")

CHILD = Path(__file__).with_name("memory_child.py")
SLACK_KIB = 32 * 1024
# glibc gives large blocks back at once: what is seen is in use, not kept in case it is needed again.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


def child(path, times=1):
    """(clips, end in seconds, KiB early, KiB at the end, peak KiB)."""
    done = subprocess.run(
        [sys.executable, str(CHILD), str(path), str(times)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **ALLOCATOR},
    )
    count, end_s, *kib = done.stdout.split()
    return int(count), float(end_s), *map(int, kib)


def films(factory, folder, fps, *minutes):
    """Films of so many minutes, from one minute's packets."""
    one = factory.write_clip(
        folder / "minute.webm",
        codec="libvpx",
        time_base=F(1, fps),
        ticks=range(60 * fps),
        options={"g": str(2 * fps), "deadline": "realtime", "cpu-used": "16"},
    )
    return [factory.repeat_packets(one, folder / f"{count}.webm", count) for count in minutes]


def test_a_film_four_times_as_long_needs_no_more_memory(factory, tmp_path):
    short, long = films(factory, tmp_path, 2, 3, 12)
    count, end_s, *_, small = child(short)
    assert (count, end_s) == (120, 180.0)
    count, end_s, *_, large = child(long)
    assert (count, end_s) == (480, 720.0)
    # The clips alone would be 400 MB more.
    assert large - small < SLACK_KIB, f"{small} KiB for 3 minutes, {large} KiB for 12"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_hour_needs_no_more_memory_than_four_minutes(factory, tmp_path):
    short, hour = films(factory, tmp_path, 5, 4, 60)
    small, (count, *_, large) = child(short)[-1], child(hour)
    assert count == 2400
    assert large - small < SLACK_KIB, f"{small} KiB for 4 minutes, {large} KiB for an hour"


def test_many_requests_leave_nothing_behind(made):
    path = made("short.webm", codec="libvpx-vp9", ticks=range(10))
    *_, early, late, _ = child(path, 100)
    assert late - early < SLACK_KIB, f"{early} KiB after 10 requests, {late} KiB after 100"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_requests_leave_nothing_behind(made):
    path = made("short.webm", codec="libvpx-vp9", ticks=range(10))
    *_, early, late, _ = child(path, 1000)
    assert late - early < SLACK_KIB, f"{early} KiB after 100 requests, {late} KiB after 1,000"
