"""Stills come from all over a video, and each shows the frame of its own time."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.pipeline.stills import Stills
from videobert.video.clip import Clip

SAMPLES = 30


def clip(number: int, times_s: np.ndarray | None = None) -> Clip:
    """A clip of 1.5 s whose frames hold their own time, in twentieths of a second."""
    start_s = 1.5 * number
    times = start_s + np.arange(SAMPLES) / 20 if times_s is None else times_s
    ticks = np.round(times * 20).astype(int)
    frames = np.zeros((SAMPLES, 2, 2, 3), np.uint8)
    for channel in range(3):
        frames[..., channel] = (ticks >> 8 * channel & 255)[:, None, None]
    return Clip(index=number, start_s=start_s, end_s=start_s + 1.5, frames=frames, times_s=times)


def stills(clips: list[Clip]) -> list[float]:
    """Times of the stills, after a look at whether each picture is that of its time."""
    taken = Stills()
    for each in clips:
        taken.add(each)
    for still in taken.all():
        ticks = int.from_bytes(still.picture[0, 0].tobytes(), "little")
        assert ticks / 20 == pytest.approx(still.time_s)
        assert still.picture.base is None
    return [still.time_s for still in taken.all()]


def test_a_short_video_has_several_of_each_clip() -> None:
    assert stills([clip(0)]) == pytest.approx([0.25, 0.75, 1.25])
    assert len(stills([clip(number) for number in range(16)])) == 48


@pytest.mark.parametrize("clips", [17, 100, 2400])
def test_a_long_video_has_no_more_and_they_lie_evenly(clips: int) -> None:
    times_s = stills([clip(number) for number in range(clips)])
    assert 24 <= len(times_s) <= 48
    gaps = np.diff(times_s)
    assert gaps.min() == pytest.approx(gaps.max())
    assert times_s[0] < 1
    assert times_s[-1] + gaps[0] >= 1.5 * clips - 0.5


def test_a_frame_that_stays_is_taken_once() -> None:
    slow = [clip(number, np.full(SAMPLES, 3.0 * (number // 2))) for number in range(6)]
    assert stills(slow) == [0, 3, 6]
    padded = np.minimum(np.arange(SAMPLES) / 20, 0.5)
    assert stills([clip(0, padded)]) == [0.25, 0.5]
