"""Which clips stand for a stretch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.video_features import VideoFeatures, wants

FIVE = VideoFeatures(
    start_s=np.arange(5) * 1.5,
    end_s=np.array([1.5, 3.0, 4.5, 6.0, 6.4]),
    padded_frames=np.array([0, 0, 0, 0, 11]),
    complete=True,
    features={number: np.zeros(2, np.float32) for number in range(5)},
)


def stretch(start_s: float | None, end_s: float | None) -> Stretch:
    return Stretch(video=Path("a.mp4"), name="a.mp4", start_s=start_s, end_s=end_s, labels={"q": "a"}, where="line 1")


@pytest.mark.parametrize(
    ("start_s", "end_s", "clips"),
    [
        (None, None, (0, 1, 2, 3)),  # the last one is filled with repeats
        (None, 3.0, (0, 1)),
        (2.3, None, (2, 3)),
        (2.2, None, (1, 2, 3)),  # its middle is at 2.25 s
        (1.5, 4.5, (1, 2)),
        (1.6, 1.7, (1,)),  # no middle lies in it: the clip around it
        (1.4, 1.9, (1,)),
        (6.0, 6.4, (4,)),  # nothing but the filled one
        (5.9, 9.0, (4,)),
        (6.3, 9.0, (4,)),  # its middle is beyond the end
        (5.9, 6.0, (3,)),
        (6.5, 7.0, ()),
        (7.5, None, ()),
    ],
)
def test_clips_of_a_stretch(start_s: float | None, end_s: float | None, clips: tuple[int, ...]) -> None:
    wanted = stretch(start_s, end_s)
    assert FIVE.clips_of(wanted) == clips
    assert FIVE.has(wanted)
    clips_of_film = zip(FIVE.start_s, FIVE.end_s, strict=True)
    asked_for = {n for n, span in enumerate(clips_of_film) if wants(wanted, *span, first_s=0.0, is_last=n == 4)}
    assert set(clips) <= asked_for


def test_a_film_shorter_than_a_clip_is_its_one_clip() -> None:
    short = VideoFeatures(
        start_s=np.zeros(1), end_s=np.array([0.5]), padded_frames=np.array([10]), complete=True, features={}
    )
    assert short.clips_of(stretch(None, None)) == (0,)
    assert short.clips_of(stretch(0.0, 0.4)) == (0,)
    assert not short.has(stretch(None, None))


def test_what_was_not_read_to_the_end_of_a_stretch_does_not_have_it() -> None:
    part = VideoFeatures(
        start_s=FIVE.start_s[:3],
        end_s=FIVE.end_s[:3],
        padded_frames=FIVE.padded_frames[:3],
        complete=False,
        features={0: np.zeros(2, np.float32), 1: np.zeros(2, np.float32)},
    )
    assert part.has(stretch(0.0, 3.0))
    assert not part.has(stretch(0.0, 4.0))  # a clip of it has no feature
    assert not part.has(stretch(0.0, 5.0))
    assert not part.has(stretch(0.0, None))
