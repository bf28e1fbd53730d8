"""The walk over a video: what the backbone is asked, clips in place of a video, features that are not finite."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.one_output import OneOutput
from tests.small_model import mp4

from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.base.limits import Limits
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.stage import Stage
from videobert.pipeline.opened import OpenedModel
from videobert.runtime import Runtime
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

MakeVideo = Callable[..., FrameArray]


@pytest.fixture(scope="module")
def video(make_video: MakeVideo) -> FrameArray:
    # In this one no change is at the edge of being a cut, which clips, smaller and cropped, might lie beyond.
    return make_video(20, seed=2)


def test_a_picture_that_stands_still_is_looked_at_once(
    model: Runtime, video: FrameArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    feature = OpenedModel.feature

    def counted(opened: OpenedModel, frames: Any, method: Any = "flat") -> Any:
        ran.append(1)
        return feature(opened, frames, method)

    monkeypatch.setattr(OpenedModel, "feature", counted)
    still, moving = video.frames[:1], video.frames[:15]
    # 15 s of one picture, 1.5 s in which it moves, and 15 s of that picture twice again.
    times = [0.0, *(15 + np.arange(15) / 10), 16.5, 31.5]
    frames = FrameArray(np.concatenate([still, moving, still, moving[:1]]), np.array(times))
    found = model.tokens(frames)
    assert len(found) == 31  # the last picture stays as long as the one before it did
    assert len(ran) == 4
    assert len(set(found.ids[:10].tolist())) == len(set(found.ids[11:21].tolist())) == 1
    alone = model.tokens(FrameArray(still, np.zeros(1)))
    np.testing.assert_array_equal(found.ids[:1], alone.ids)


class Overflowing(OneOutput):
    """An engine whose backbone gives NaN for every clip but the first two."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._clips = engine, 0
        self.name, self.device, self.precision = engine.name, engine.device, engine.precision
        self.fallback, self.parallel, self.takes_device_arrays = None, 1, False

    def run(self, stage: Stage, **inputs: Any) -> Any:
        result = self._engine.run(stage, **inputs)
        if stage == "backbone":
            self._clips += 1
            if self._clips > 2:
                result[0, 0] = np.nan
        return result

    def prepare(self) -> None:
        self._engine.prepare()

    def close(self) -> None:
        self._engine.close()


def test_a_feature_that_is_not_finite_is_an_error_that_names_the_clip(
    model_folder: Path, cache_dir: Path, video: FrameArray
) -> None:
    folder = ModelFolder(model_folder)
    engine = Overflowing(OpenVinoEngine(folder, EngineOptions(cache_dir=cache_dir)))
    with Runtime(folder, engine, Limits()) as model, pytest.raises(ModelError, match=r"clip 2 at 3\.00 s"):
        model.tokens(video)


@pytest.mark.parametrize("stride", [1, 3])
def test_clips_of_open_clips_give_the_tokens_of_the_video(model: Runtime, video: FrameArray, stride: int) -> None:
    recipe = model.recipe.replace(stride=stride)
    content = mp4(video)
    wanted = model.tokens(content, stride=stride)
    with open_clips(content, recipe) as stream:
        found = model.tokens(stream)
        assert next(stream, None) is None
    assert found == wanted
    assert found.origin == wanted.origin
    with open_clips(content, recipe) as stream:
        clips = list(stream)
    for source in (clips, iter(clips), (clip for clip in clips), tuple(clips)):
        tokens = model.tokens(source)
        assert tokens == wanted
        assert tokens.origin == dataclasses.replace(wanted.origin, decoder=None)  # nobody says what decoded them
    assert model.tokens(clips[2:]).ids.tolist() == wanted.ids[2:].tolist()
    with open_clips(content, recipe) as stream:
        report = model.run(stream)
    assert (report.segments[-1].end_s, report.video["codec"]) == (wanted.end_s[-1], "h264")
    assert model.align(clips, "red square").score == model.align(content, "red square", stride=stride).score


def test_clips_may_be_read_with_a_larger_stride(model: Runtime, video: FrameArray) -> None:
    with open_clips(video, model.recipe) as stream:
        assert model.tokens(stream, stride=2) == model.tokens(video, stride=2)
    with (
        open_clips(video, model.recipe.replace(stride=2)) as stream,
        pytest.raises(InputError, match="cannot be read with that stride"),
    ):
        model.tokens(stream, stride=3)


def test_clips_of_another_recipe_are_refused_by_every_verb(model: Runtime, video: FrameArray) -> None:
    verbs: list[Callable[[Any], Any]] = [model.tokens, model.run, model.embed, lambda video: next(model.stream(video))]
    for verb in verbs:
        with open_clips(video, model.recipe.replace(fps=20)) as stream, pytest.raises(MismatchError):
            verb(stream)


def test_tokens_do_not_depend_on_how_many_features_are_searched_at_once(
    model: Runtime, video: FrameArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = model.tokens(video)
    for block in (1, 3, 14, 15):
        monkeypatch.setattr("videobert.pipeline.watch.BLOCK", block)
        assert model.tokens(video) == wanted


def test_what_was_done_to_pictures_is_told_where_something_was(
    model: Runtime, video: FrameArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = mp4(video, sample_aspect=Fraction(4, 3))
    assert "adjusted" not in model.run(wide).video
    recipe = model.recipe.replace(version=2, sample_aspect="apply")
    monkeypatch.setattr(OpenedModel, "recipe_for", lambda opened, stride: recipe)
    assert model.run(wide).video["adjusted"] == ["sample aspect 4:3"]
    assert "adjusted" not in model.run(mp4(video)).video
