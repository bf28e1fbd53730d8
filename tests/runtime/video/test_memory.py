"""Memory does not grow with the length of the video."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction as F
from pathlib import Path

import pytest

CHILD = Path(__file__).with_name("memory_child.py")
MINUTE_S = 60
# What a container's index and the allocator may add; an hour of stored clips would be 2.7 GB, of frames 200 GB.
SLACK_KIB = 8 * 1024


def peak(path):
    """(clips, end in seconds, peak KiB) of a process that reads the video."""
    child = subprocess.run([sys.executable, str(CHILD), str(path)], capture_output=True, text=True, check=True)
    count, end_s, kib = child.stdout.split()
    return int(count), float(end_s), int(kib)


def minute_and_hour(factory, folder, suffix, fps):
    minute = factory.write_clip(
        folder / f"minute.{suffix}",
        size=(320, 240),
        time_base=F(1, fps),
        ticks=range(MINUTE_S * fps),
        options={"preset": "ultrafast", "bf": "0"},
    )
    return minute, factory.repeat_packets(minute, folder / f"hour.{suffix}", 60)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_an_hour_of_240p_needs_no_more_memory_than_a_minute(factory, tmp_path, suffix):
    minute, hour = minute_and_hour(factory, tmp_path, suffix, fps=2)
    count, end_s, small = peak(minute)
    assert (count, end_s) == (40, 60.0)
    count, end_s, large = peak(hour)
    assert (count, end_s) == (2400, 3600.0)
    assert large - small < SLACK_KIB, f"{small} KiB for a minute, {large} KiB for an hour"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_hour_at_25_frames_a_second(factory, tmp_path):
    minute, hour = minute_and_hour(factory, tmp_path, "mp4", fps=25)
    small, (count, _, large) = peak(minute)[2], peak(hour)
    assert count == 2400
    assert large - small < SLACK_KIB, f"{small} KiB for a minute, {large} KiB for an hour"
