"""Saved tokens in place of a video: taken by every verb, and held against the model, the limits and the wish."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import LimitExceeded, MismatchError
from videobert.base.limits import Limits
from videobert.results.origin import TokensFrom
from videobert.runtime import Runtime, load
from videobert.video.source.frame_array import FrameArray
from videobert.visual.tokens import VisualTokens

MakeVideo = Callable[..., FrameArray]


@pytest.fixture(scope="module")
def video(make_video: MakeVideo) -> FrameArray:
    return make_video(20, seed=1)


@pytest.fixture(params=["object", "path", "text path", "renamed"])
def saved(request: pytest.FixtureRequest, model: Runtime, video: FrameArray, tmp_path: Path) -> Any:
    tokens = model.tokens(video)
    if request.param == "object":
        return tokens
    path = tmp_path / ("tokens.bin" if request.param == "renamed" else "tokens.vbt")
    tokens.save(path)
    return str(path) if request.param == "text path" else path


def test_saved_tokens_are_accepted_wherever_a_video_is(model: Runtime, video: FrameArray, saved: Any) -> None:
    assert model.tokens(saved) == model.tokens(video)
    made_by = TokensFrom(engine="openvino", precision="fp32")
    verbs: list[Callable[[Any], Any]] = [
        lambda video: model.fill("a [MASK] square", video, [2]),
        lambda video: model.classify(video, question="colour"),
        lambda video: model.align(video, "red square"),
    ]
    for verb in verbs:
        answer, wanted = verb(saved), verb(video)
        assert answer.origin == dataclasses.replace(wanted.origin, tokens_from=made_by)
        assert dataclasses.replace(answer, origin=wanted.origin) == wanted
    np.testing.assert_array_equal(model.embed(saved, "red").vector, model.embed(video, "red").vector)
    ours, theirs = model.run(saved), model.run(video)
    assert [(s.start_s, s.answers, s.tokens) for s in ours.segments] == [
        (s.start_s, s.answers, s.tokens) for s in theirs.segments
    ]
    assert ours.percentile == theirs.percentile
    assert ours.video == {}


def test_tokens_of_another_codebook_or_recipe_are_a_mismatch(model: Runtime, video: FrameArray) -> None:
    tokens = model.tokens(video)
    for change in ({"codebook": "0" * 16}, {"clip_recipe": "0" * 16}):
        foreign = dataclasses.replace(tokens, **change)
        verbs: list[Callable[[], object]] = [
            lambda: model.tokens(foreign),  # noqa: B023 - called before the loop goes on
            lambda: model.fill("[MASK]", foreign),  # noqa: B023
            lambda: model.classify(foreign, question="colour"),  # noqa: B023
            lambda: model.align(foreign, "red"),  # noqa: B023
            lambda: model.embed(foreign),  # noqa: B023
            lambda: model.run(foreign),  # noqa: B023
        ]
        for verb in verbs:
            with pytest.raises(MismatchError, match="another model"):
                verb()


def test_saved_tokens_are_held_against_the_model_the_limits_and_the_wish(
    model: Runtime, model_folder: Path, cache_dir: Path, video: FrameArray
) -> None:
    import dataclasses

    tokens = model.tokens(video, assignment="tree")
    assert model.tokens(tokens) == tokens
    assert model.tokens(tokens, assignment="tree") == tokens
    with pytest.raises(MismatchError, match="assigned in another way; got tree; allowed: flat"):
        model.tokens(tokens, assignment="flat")
    with pytest.raises(MismatchError, match="another model"):
        model.tokens(dataclasses.replace(tokens, clip_s=tokens.clip_s * 2))
    with (
        load(model_folder, cache_dir=cache_dir, limits=Limits(max_duration_s=10)) as careful,
        pytest.raises(LimitExceeded, match="allowed: up to 10 s"),
    ):
        careful.tokens(tokens)


def test_a_token_list_survives_a_file(model: Runtime, video: FrameArray, tmp_path: Path) -> None:
    tokens = model.tokens(video)
    tokens.save(tmp_path / "a.vbt")
    assert VisualTokens.load(tmp_path / "a.vbt") == tokens
