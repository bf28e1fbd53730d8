"""The memory of a whole answer does not grow with the length of the video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from videobert.model.folder import BUNDLED

CHILD = Path(__file__).with_name("memory_child.py")
CLIP_S, CLIPS = 10.5, 7
# Of the clips 512 pictures are kept, 19 MB of 112 x 112; the rest is the allocator's. An hour of clips would be 2.7 GB.
SLACK_KIB = 48 * 1024


def peak(video: Path, cache: Path) -> tuple[int, float, int]:
    child = subprocess.run(
        [sys.executable, str(CHILD), str(video), str(cache)], capture_output=True, text=True, check=True
    )
    count, end_s, kib = child.stdout.split()
    return int(count), float(end_s), int(kib)


@pytest.mark.slow
@pytest.mark.timeout(1100)
def test_an_hour_of_480p_needs_no_more_memory_than_two_minutes(factory: ModuleType, tmp_path: Path) -> None:
    clip = BUNDLED / "shapes" / "clip.mp4"
    short, hour = (factory.repeat_packets(clip, tmp_path / f"{times}.mp4", times) for times in (12, 343))
    count, end_s, small = peak(short, tmp_path / "cache")
    assert (count, end_s) == (12 * CLIPS, pytest.approx(12 * CLIP_S, abs=0.1))
    count, end_s, large = peak(hour, tmp_path / "cache")
    assert (count, end_s) == (343 * CLIPS, pytest.approx(343 * CLIP_S, abs=0.1))
    assert large - small < SLACK_KIB, f"{small} KiB for two minutes, {large} KiB for an hour"
