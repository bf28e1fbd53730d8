"""Numpy frames, all at once or as they come."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.mark.parametrize(
    "items",
    [
        [],
        [np.zeros((8, 8, 3), np.uint8)],
        [(np.zeros((8, 8), np.uint8), 0.0)],
        [(np.zeros((8, 8, 3), np.int32), 0.0)],
        [(np.zeros((8, 8, 3), np.uint8), "soon")],
        [(np.zeros((8, 8, 3), np.uint8), float("nan"))],
        [(np.zeros((8, 8, 3), np.uint8), 0.0), (np.zeros((8, 3), np.uint8), 1.0)],
    ],
)
def test_iterators_of_the_wrong_form(items):
    with pytest.raises(InputError), open_clips(iter(items), RECIPE) as stream:
        list(stream)


def drain(source, **options):
    with open_clips(source, RECIPE, **options) as stream:
        return list(stream)


def blank(count, height=64, width=64):
    return np.zeros((count, height, width, 3), np.uint8)


def test_live_clips_come_out_as_soon_as_they_are_complete(factory):
    given = []

    def camera():
        for n in range(35):
            given.append(n)
            yield factory.picture(n), n / 20

    with open_clips(camera(), RECIPE) as stream:
        when = []
        for clip in stream:
            when.append(len(given))
            assert factory.number_of(clip.frames[0]) == clip.index * 10
    # The tenth frame completes the first clip; the last clip waits for the end.
    assert when == [10, 20, 30, 35]
    assert (clip.padded_frames, clip.end_s) == (5, pytest.approx(35 / 20))


def test_a_camera_may_reuse_its_buffer(factory):
    buffer = np.empty((120, 160, 3), np.uint8)

    def camera():
        for n in range(60):
            buffer[:] = factory.picture(n)
            yield buffer, n / 30

    numbers = [factory.number_of(square) for clip in drain(camera()) for square in clip.frames]
    assert numbers == [n * 30 // 20 for n in range(40)]


def test_live_frames_may_change_size(factory):
    frames = ((factory.picture(n, 160 + 16 * n, 120), n / 20) for n in range(10))
    (clip,) = drain(frames)
    assert [factory.number_of(square) for square in clip.frames] == list(range(10))


def test_frame_arrays_start_when_they_start(factory):
    frames = np.stack([factory.picture(n) for n in range(30)])
    clips = drain(FrameArray(frames, -1.25 + np.arange(30) / 10))
    assert clips[0].start_s == -1.25
    assert [factory.number_of(square) for square in clips[1].frames] == [5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert clips[-1].end_s == pytest.approx(1.75)


def test_a_single_frame_makes_one_clip(factory):
    for source in (FrameArray(factory.picture(7)[None], [3.0]), [(factory.picture(7), 3.0)]):
        (clip,) = drain(source)
        assert [factory.number_of(square) for square in clip.frames] == [7] * 10
        assert (clip.start_s, clip.end_s, clip.padded_frames) == (3.0, 3.05, 9)
