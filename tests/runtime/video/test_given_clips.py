"""Clips in place of a video: those of the recipe, in their places, and nothing else."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import Cancelled, InputError, LimitExceeded, MismatchError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.clip import Clip
from videobert.video.clips_or_video import clips_or_video
from videobert.video.given_clips import GivenClips
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(fps=10, frames=5, short_side=16, crop=16)
FRAMES = FrameArray(
    np.arange(33, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 3), np.uint8), np.arange(33) / 10
)


def clips(recipe: Recipe = RECIPE, start_s: float = 0.0) -> list[Clip]:
    """Seven clips, the last with two padded frames; one in `recipe.stride`."""
    with open_clips(FrameArray(FRAMES.frames, FRAMES.times_s + start_s), recipe) as stream:
        return list(stream)


def given(source: Any, stride: int | None = None, **options: Any) -> GivenClips:
    asked: dict[str, Any] = {"limits": Limits(), "on_progress": None, "cancel": None, "live": False} | options
    return GivenClips(source, RECIPE, stride, **asked)


@pytest.mark.parametrize("start_s", [0.0, 12.3, -4.0, 1.7e9])
def test_clips_that_open_clips_gave_pass_as_they_are(start_s: float) -> None:
    made = clips(start_s=start_s)
    assert len(made) == 7
    assert list(given(made)) == made
    assert list(given(made[2:])) == made[2:]


def test_the_stride_is_that_of_the_clips_or_a_multiple() -> None:
    made, every_other = clips(), clips(RECIPE.replace(stride=2))
    assert [clip.index for clip in every_other] == [0, 2, 4, 6]
    assert [clip.index for clip in given(made, 3)] == [0, 3, 6]
    assert [clip.index for clip in given(every_other, 4)] == [0, 4]
    passed = given(every_other)
    assert [clip.index for clip in passed] == [0, 2, 4, 6]
    assert passed.stride == 2
    for stride in (1, 3, 5):
        with pytest.raises(InputError, match=r"cannot be read with that stride.*\[2, 4\]"):
            list(given(every_other, stride))


def test_clips_of_another_recipe_are_a_mismatch() -> None:
    for recipe in (RECIPE.replace(fps=20), RECIPE.replace(mean=(0.5, 0.5, 0.5))):
        with pytest.raises(MismatchError, match=f"another recipe; got {recipe.clip_hash}; allowed: {RECIPE.clip_hash}"):
            list(given(clips(recipe)))
    bare = dataclasses.replace(clips()[0], clip_recipe="")
    with pytest.raises(MismatchError, match="names none"):
        list(given([bare]))


CHANGES: dict[str, Callable[[list[Clip]], list[Any]]] = {
    "a gap": lambda made: [*made[:2], *made[3:]],
    "backwards": lambda made: made[::-1],
    "twice": lambda made: [made[0], made[0]],
    "behind the end": lambda made: [*made, dataclasses.replace(made[-1], index=7)],
    "no clip": lambda made: [made[0], "clip"],
    "frames among clips": lambda made: [made[0], (FRAMES.frames[0], 0.5)],
    "of two strides": lambda made: [made[0], dataclasses.replace(made[1], stride=2)],
    "stride 0": lambda made: [dataclasses.replace(made[0], stride=0)],
    "two videos": lambda made: [made[0], dataclasses.replace(made[1], start_s=100.5, end_s=101.0)],
    "too short": lambda made: [dataclasses.replace(made[0], end_s=0.3)],
    "too long": lambda made: [dataclasses.replace(made[0], end_s=0.7)],
    "ends before it starts": lambda made: [dataclasses.replace(made[0], end_s=-1.0, padded_frames=2)],
    "not a time": lambda made: [dataclasses.replace(made[0], start_s=float("nan"))],
    "endless": lambda made: [dataclasses.replace(made[0], end_s=float("inf"), padded_frames=2)],
    "all padded": lambda made: [dataclasses.replace(made[0], padded_frames=5)],
    "shape": lambda made: [dataclasses.replace(made[0], frames=made[0].frames[:4])],
    "size": lambda made: [dataclasses.replace(made[0], frames=np.zeros((5, 8, 8, 3), np.uint8))],
    "type": lambda made: [dataclasses.replace(made[0], frames=made[0].frames.astype(np.float32))],
    "times of frames to come": lambda made: [dataclasses.replace(made[0], times_s=made[0].times_s + 0.2)],
    "times in disorder": lambda made: [dataclasses.replace(made[1], times_s=made[1].times_s[::-1] - 0.4)],
    "too few times": lambda made: [dataclasses.replace(made[0], times_s=made[0].times_s[:2])],
    "no times": lambda made: [dataclasses.replace(made[0], times_s=None)],
    "no frames": lambda made: [dataclasses.replace(made[0], frames=made[0].frames.tolist())],
    "start is a text": lambda made: [dataclasses.replace(made[0], start_s="0")],
    "end is an array": lambda made: [dataclasses.replace(made[0], end_s=np.zeros(3))],
    "number is a fraction": lambda made: [dataclasses.replace(made[0], index=0.5)],
    "stride is a text": lambda made: [dataclasses.replace(made[0], stride="1")],
    "padding is none": lambda made: [dataclasses.replace(made[0], padded_frames=None)],
    "a time that is none": lambda made: [dataclasses.replace(made[0], times_s=made[0].times_s * np.nan)],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_open_clips_would_not_give_is_refused(change: str) -> None:
    with pytest.raises(InputError) as error:
        list(given(CHANGES[change](clips())))
    assert error.value.seen is not None
    assert error.value.allowed is not None
    assert error.value.fix is not None


def test_clips_are_looked_at_when_their_turn_comes() -> None:
    made = clips()
    passed = given(iter([*made[:2], "clip"]))
    assert [next(passed), next(passed)] == made[:2]
    with pytest.raises(InputError, match="item 2"):
        next(passed)


def test_limits_progress_and_cancelling() -> None:
    with pytest.raises(LimitExceeded, match="max_duration_s"):
        list(given(clips(), limits=Limits(max_duration_s=2)))
    seen: list[tuple[float, float | None]] = []
    list(given(clips(start_s=5.0), on_progress=lambda *done: seen.append(done)))
    assert [done for done, _ in seen] == pytest.approx([0.5, 1, 1.5, 2, 2.5, 3, 3.3])
    cancel = threading.Event()
    passed = given(clips(), cancel=cancel)
    next(passed)
    cancel.set()
    with pytest.raises(Cancelled):
        next(passed)


def test_a_stream_brings_what_it_knows_of_its_video() -> None:
    with open_clips(FRAMES, RECIPE) as stream:
        passed = given(stream)
        assert len(list(passed)) == 7
        assert passed.info == stream.info
    assert given(clips()).info is None


def test_an_iterator_is_known_by_its_first_item() -> None:
    made = clips()

    def frames() -> Iterator[Any]:
        return zip(FRAMES.frames, FRAMES.times_s.tolist(), strict=True)

    with open_clips(FRAMES, RECIPE) as stream:
        assert clips_or_video(stream) == (stream, False, None)
    with open_clips(frames(), RECIPE) as stream:
        assert clips_or_video(stream) == (stream, True, None)
    assert clips_or_video(made) == (made, False, None)
    found, live, video = clips_or_video(iter(made))
    assert found is not None
    assert (list(found), live, video) == (made, True, None)
    found, _, video = clips_or_video(frames())
    assert found is None
    assert len(list(video)) == 33
    for source in ("a.mp4", b"film", FRAMES, np.zeros(3), {}, 5, None, []):
        found, _, video = clips_or_video(source)
        assert found is None
        assert video is source
    assert list(clips_or_video(iter([]))[2]) == []
