"""`forecast`: hidden places behind a video, or the next token; what it says of both, and what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests import small_model
from tests.one_output import OneOutput
from tests.small_next_token import WORDS as NEXT_WORDS
from tests.small_next_token import open_small_next_token

from videobert.base.errors import MismatchError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.families.registry import lacks
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert.results.evidence import weightiest
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens

MASK, WORDS, VISUAL = 4, 128, 64


class FromTheLastSeen(OneOutput):
    """A hidden place has the number of hidden places up to it, and the last token seen before them."""

    name, device, precision, parallel, takes_device_arrays = "known", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self) -> None:
        self.sequences: list[list[int]] = []

    def run(self, stage: str, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "encoder":
            states = np.zeros((*inputs["ids"].shape, 64), np.float32)
            for row, (ids, length) in enumerate(zip(inputs["ids"], inputs["lengths"], strict=True)):
                self.sequences.append(ids[:length].tolist())
                seen = -1
                for place in range(length):
                    if ids[place] == MASK:
                        states[row, place, :2] = seen, states[row, place - 1, 1] + 1
                    elif ids[place] >= WORDS:
                        seen = ids[place] - WORDS
            return states
        if stage == "text_head":
            return np.zeros((len(inputs["states"]), WORDS), np.float32)
        assert stage == "visual_head"
        logits = np.zeros((len(inputs["states"]), VISUAL), np.float32)
        for row, state in zip(logits, inputs["states"], strict=True):
            row[int(state[0] + state[1]) % VISUAL] = 3
        return logits

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def engine() -> FromTheLastSeen:
    return FromTheLastSeen()


@pytest.fixture
def known(model_folder: Path, engine: FromTheLastSeen) -> Runtime:
    return Runtime(ModelFolder(model_folder), engine, Limits())


def tokens_of(model: Runtime, *ids: int, padded_frames: int = 0) -> VisualTokens:
    return small_model.tokens_of(model, list(ids), padded_frames=padded_frames, engine="known")


def test_hidden_places_behind_the_video_are_filled_in(known: Runtime, engine: FromTheLastSeen) -> None:
    found = known.forecast(tokens_of(known, 3, 4, 5, 6, 7, 10), ahead=[3, 1, 1], top=2)
    assert (found.method, found.context_clips, found.until_s, found.exemplars_from) == ("masked", 4, 9.0, None)
    assert [(each.ahead, each.start_s, each.end_s, each.covered) for each in found] == [
        (1, 9.0, 10.5, 1.0),
        (3, 12.0, 13.5, 1.0),
    ]
    assert [each.candidates[0].token for each in found] == [11, 13]
    np.testing.assert_allclose(found.horizons[0].candidates[0].score, np.exp(3) / (np.exp(3) + VISUAL - 1), rtol=1e-5)
    # The model's window is four clips; each horizon is asked for by itself.
    asked = [sequence[2:-1] for sequence in engine.sequences[:2]]
    seen = [WORDS + token for token in (5, 6, 7, 10)]
    assert asked == [[*seen, MASK], [*seen, MASK, MASK, MASK]]


def test_an_answer_does_not_depend_on_the_other_horizons(known: Runtime) -> None:
    video = tokens_of(known, 3, 4)
    alone = known.forecast(video, ahead=[2]).horizons
    assert alone == known.forecast(video, ahead=[1, 2, 5]).horizons[1:2]
    assert alone == known.forecast(video, ahead=2).horizons


def test_the_model_says_what_a_token_would_be_to_it(known: Runtime) -> None:
    (candidate,) = known.forecast(tokens_of(known, 3), ahead=[1], top=1).horizons[0].candidates
    assert set(candidate.answers) == {"colour"}
    assert candidate.answers["colour"].text in small_model.COLOURS


def test_a_last_clip_that_is_mostly_one_frame_repeated_is_left_out(known: Runtime) -> None:
    found = known.forecast(tokens_of(known, 3, 4, padded_frames=9), ahead=[1])
    assert found.until_s == 1.5
    assert found.horizons[0].start_s == 1.5
    assert found.horizons[0].candidates[0].token == 4
    assert known.forecast(tokens_of(known, 3, padded_frames=9)).until_s == 1.5


def test_with_a_stride_a_step_is_as_long_as_it(known: Runtime) -> None:
    found = known.forecast(tokens_of(known, 3, 4, 5, 6), ahead=[1, 2], stride=2)
    assert [(each.start_s, each.end_s) for each in found] == [(6.0, 7.5), (9.0, 10.5)]
    assert found.horizons[0].candidates[0].token == 6


def test_the_context_can_be_chosen(known: Runtime, engine: FromTheLastSeen) -> None:
    video = tokens_of(known, *range(8))
    assert known.forecast(video, context_clips=7, ahead=[1]).context_clips == 7
    assert known.forecast(video, context_clips=1, ahead=[1]).context_clips == 1
    with pytest.raises(UsageError, match="context_clips is out of range"):
        known.forecast(video, context_clips=0)


@pytest.mark.parametrize("horizons", [[], [0], [1.5], "1", 0, True, [10_000], [True]])
def test_horizons_are_whole_numbers_of_clips(known: Runtime, horizons: Any) -> None:
    with pytest.raises(UsageError):
        known.forecast(tokens_of(known, 3), ahead=horizons)


def test_untrained_parts_are_said(model_folder: Path, engine: FromTheLastSeen) -> None:
    folder = ModelFolder(model_folder)
    folder.config = dataclasses.replace(folder.config, untrained=("visual_head", "text_head"))
    with Runtime(folder, engine, Limits()) as model:
        assert model.forecast(tokens_of(model, 3)).origin.untrained == ("visual_head",)


class NextIsOneMore(OneOutput):
    """The next token is one more than the last."""

    name, device, precision, parallel, takes_device_arrays = "none", "CPU", "fp32", 1, False
    fallback: str | None = None

    def run(self, stage: str, **inputs: Any) -> Any:
        if stage == "past_encoder":
            return np.repeat(inputs["ids"][..., None], 4, axis=2).astype(np.float32)
        logits = np.zeros((len(inputs["states"]), len(NEXT_WORDS) + 5), np.float32)
        for row, state in zip(logits, inputs["states"], strict=True):
            row[len(NEXT_WORDS) + (int(state[0]) - len(NEXT_WORDS) + 1) % 5] = 6
        return logits

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_model_of_next_tokens_goes_on_step_by_step(tmp_path: Path) -> None:
    with open_small_next_token(tmp_path) as closed:
        folder = closed._opened._folder
    with Runtime(folder, NextIsOneMore(), Limits()) as model:
        video = dataclasses.replace(
            small_model.tokens_of(model, [0, 1, 2] * 4),
            percentiles=None,
            scores=np.ones(12, np.float32),
            sure=[True] * 12,
        )
        found = model.forecast(video, ahead=(1, 2, 3), top=1)
    assert found.method == "next_token"
    assert [each.candidates[0].token for each in found] == [3, 4, 0]
    # Ten positions: one for what begins a sequence, three ahead.
    assert found.context_clips == 6
    assert found.horizons[0].candidates[0].answers == {}


def test_a_model_that_cannot_names_those_that_can() -> None:
    error = lacks(ModelConfig(name="films", family="conse", words=9, visual_tokens=0), "forecasts")
    assert isinstance(error, ModelError)
    assert error.what == "models of the family conse cannot tell what comes next in a video"
    assert error.allowed == "videobert with the visual head; next_token"
    assert "such as shapes" in str(error.fix)


@pytest.mark.everyday
def test_everyday_cannot() -> None:
    from videobert.runtime import load

    with load("everyday") as model, pytest.raises(ModelError, match="cannot tell what comes next") as refused:
        model.forecast(Path(__file__))
    assert "next_token" in str(refused.value.allowed)


def test_the_clip_that_the_next_token_follows_is_named_first(known: Runtime) -> None:
    video = tokens_of(known, 9, 9, 9, 30, padded_frames=0)
    assert known.forecast(video).evidence == ()
    found = known.forecast(video, ahead=[1], evidence=True)
    last = found.evidence[-1]
    assert [(each.start_s, each.end_s) for each in found.evidence] == [(1.5 * at, 1.5 * at + 1.5) for at in range(4)]
    assert max(found.evidence, key=lambda each: each.drop) == last
    assert last.drop == pytest.approx(found.horizons[0].candidates[0].score * (1 - np.exp(-3)), rel=1e-4)
    assert [each.drop for each in found.evidence[:-1]] == pytest.approx([0, 0, 0])


def next_is_one_more(folder: Path) -> Runtime:
    with open_small_next_token(folder) as closed:
        return Runtime(closed._opened._folder, NextIsOneMore(), Limits())


def judged_tokens(model: Runtime, *ids: int) -> VisualTokens:
    made = small_model.tokens_of(model, list(ids))
    return dataclasses.replace(made, percentiles=None, scores=np.ones(len(ids), np.float32), sure=[True] * len(ids))


def test_of_a_model_of_next_tokens_too(tmp_path: Path) -> None:
    with next_is_one_more(tmp_path) as model:
        found = model.forecast(judged_tokens(model, 0, 0, 3), ahead=[1], evidence=True)
    first = weightiest(found.evidence)
    assert first == found.evidence[-1]
    assert first.drop > 0.5


class SeesTokens(FromTheLastSeen):
    """The vector of a stretch says how often it has each token."""

    def run(self, stage: str, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = super().run(stage, **inputs)
        if stage == "encoder":
            for row, ids in enumerate(inputs["ids"]):
                np.add.at(found[row, 0], ids[(ids >= WORDS) & (ids < WORDS + VISUAL)] - WORDS, 1)
        return found


def test_exemplars_are_the_stretches_that_look_most_like_a_token(model_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    (tmp_path / "films").mkdir()
    with Runtime(ModelFolder(model_folder), SeesTokens(), Limits()) as model:
        for name, ids in {"eight": [8, 8, 8], "both": [8, 9, 9], "seven": [7, 7]}.items():
            tokens_of(model, *ids).save(tmp_path / "films" / f"{name}.vbt")
        model.index(tmp_path / "films", tmp_path / "index")
        # Behind a 7 comes 8, then 9.
        video = tokens_of(model, 7, 7, 7)
        found = model.forecast(video, ahead=[1, 2], top=1, index=tmp_path / "index")
        plain = model.forecast(video, ahead=[1, 2], top=1)
        with pytest.raises(MismatchError):
            model.forecast(video, index=tmp_path / "index", stride=2)
    assert (found.exemplars_from, plain.exemplars_from) == ("index", None)
    tokens = [each.candidates[0] for each in found]
    assert [each.token for each in tokens] == [8, 9]
    assert plain.horizons[0].candidates[0].exemplars == ()
    named = [[Path(each.source).stem for each in token.exemplars] for token in tokens]
    assert (named[0][:2], named[1][0]) == (["eight", "both"], "both")
    first, second = tokens[0].exemplars[:2]
    assert (first.start_s, first.end_s, first.score) == (0.0, 4.5, pytest.approx(1.0))
    assert second.score == pytest.approx(1 / 5**0.5, abs=1e-6)
    assert len(tokens[0].exemplars) == 3


def test_a_model_that_embeds_nothing_has_no_exemplars(tmp_path: Path) -> None:
    with next_is_one_more(tmp_path) as model, pytest.raises(ModelError):
        model.forecast(judged_tokens(model, 0, 1, 2), index=tmp_path / "index")
