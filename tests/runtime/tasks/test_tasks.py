"""The arithmetic of the verbs, on an engine whose answers are known in closed form."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests import small_model
from tests.one_output import OneOutput

from videobert.base.errors import InputError, LimitExceeded, ModelError
from videobert.base.limits import Limits
from videobert.engines.base import Engine
from videobert.model.folder import ModelFolder
from videobert.model.stage import Stage
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens

# Ids in the tokenizer of conftest.py.
RED, BLUE, GREEN, DARK, LIGHT = range(5, 10)
SQUARE = 12
MASK = 4
WORDS, VISUAL, WIDTH = 128, 64, 64


class KnownEngine(OneOutput):
    """States say which row of the batch they belong to; heads look up what `word_logits` gives for that sequence.

    `word_logits(ids, position)` and the like get the joint sequence's ids without padding.
    """

    name, device, precision, parallel, takes_device_arrays = "known", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self) -> None:
        self.sequences: list[list[int]] = []
        self.word_logits: Callable[[list[int], int], npt.NDArray[np.float32]] = lambda ids, position: np.zeros(WORDS)
        self.visual_logits: Callable[[list[int], int], npt.NDArray[np.float32]] = lambda ids, position: np.zeros(VISUAL)
        self.aligned: Callable[[list[int]], float] = lambda ids: 0.0

    def run(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "encoder":
            batch, length = inputs["ids"].shape
            states = np.zeros((batch, length, WIDTH), np.float32)
            for row in range(batch):
                states[row, :, 0] = len(self.sequences)
                states[row, :, 1] = np.arange(length)
                self.sequences.append(inputs["ids"][row, : inputs["lengths"][row]].tolist())
            return states
        assert stage != "backbone"
        places = [(self.sequences[int(state[0])], int(state[1])) for state in inputs["states"]]
        if stage == "alignment_head":
            return np.array([self.aligned(ids) for ids, _ in places], np.float32)
        look_up = self.word_logits if stage == "text_head" else self.visual_logits
        return np.stack([look_up(ids, position) for ids, position in places]).astype(np.float32)

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def engine() -> KnownEngine:
    return KnownEngine()


@pytest.fixture
def known(model_folder: Path, engine: KnownEngine) -> Runtime:
    return Runtime(ModelFolder(model_folder), engine, Limits())


def tokens_of(model: Runtime, ids: list[int]) -> VisualTokens:
    return small_model.tokens_of(model, ids, padded_frames=2, engine="known")


def log_odds(**words: float) -> npt.NDArray[np.float32]:
    logits = np.full(WORDS, -50.0, np.float32)
    for word, value in words.items():
        logits[{"red": RED, "blue": BLUE, "green": GREEN, "dark": DARK, "light": LIGHT}[word]] = value
    return logits


def has_video(ids: list[int]) -> bool:
    return any(index >= WORDS for index in ids)


def test_the_engine_of_this_test_is_one() -> None:
    assert isinstance(KnownEngine(), Engine)


def test_classify_subtracts_what_the_text_alone_says(known: Runtime, engine: KnownEngine) -> None:
    """The sentence favours red, the video adds to blue: red stays ahead until the prior is taken away."""
    engine.word_logits = lambda ids, _: log_odds(red=3, blue=1.5 if has_video(ids) else 0, green=0)
    video = tokens_of(known, [1, 2])
    ask = {"labels": ["red", "blue", "green"], "templates": ["a [MASK] square"]}
    plain = known.classify(video, **ask, prior_strength=0.0).segments[0].candidates
    assert [candidate.text for candidate in plain] == ["red", "blue", "green"]
    np.testing.assert_allclose(plain[0].score, np.exp(3) / (np.exp(3) + np.exp(1.5) + 1), rtol=1e-5)
    corrected = known.classify(video, **ask).segments[0].candidates
    assert corrected[0].text == "blue"
    np.testing.assert_allclose(corrected[0].score, np.exp(1.5) / (np.exp(1.5) + 2), rtol=1e-5)
    prior = -np.log(np.exp(3) + 2)
    np.testing.assert_allclose(corrected[0].log_prior, prior, rtol=1e-5)
    np.testing.assert_allclose(sum(candidate.score for candidate in corrected), 1, rtol=1e-6)


def test_classify_averages_normalised_log_scores_over_templates(known: Runtime, engine: KnownEngine) -> None:
    """A template with huge logits must not outvote the others by their size alone."""

    def logits(ids: list[int], position: int) -> npt.NDArray[np.float32]:
        if not has_video(ids):
            return log_odds(red=0, blue=0)
        return log_odds(red=101, blue=100) if len(ids) > 8 else log_odds(red=0, blue=2)

    engine.word_logits = logits
    found = known.classify(
        tokens_of(known, [1]), ["red", "blue"], ["a [MASK]", "the square is [MASK] left right"], top=1
    )
    candidate = found.segments[0].candidates[0]
    assert candidate.text == "blue"
    means = [(x + y) / 2 for x, y in zip(_log_softmax(1, 0), _log_softmax(0, 2), strict=True)]
    np.testing.assert_allclose(candidate.score, np.exp(_log_softmax(*means)[1]), rtol=1e-4)


def _log_softmax(*values: float) -> list[float]:
    total = np.log(np.exp(values).sum())
    return [value - total for value in values]


def test_a_label_of_two_words_has_the_pseudo_likelihood_of_its_pieces(known: Runtime, engine: KnownEngine) -> None:
    def logits(ids: list[int], position: int) -> npt.NDArray[np.float32]:
        assert ids[position] == MASK
        if not has_video(ids):
            return log_odds(red=0, dark=0)
        # `dark` is masked before red, `red` after dark, or `red` alone.
        return {True: log_odds(dark=1, red=0), False: log_odds(dark=0, red=4)}[ids[position + 1] == RED]

    engine.word_logits = logits
    labels = ["red", "dark red"]
    found = known.classify(tokens_of(known, [1]), labels, ["a [MASK] square"])
    sums = [_log_softmax(4, 0)[0], _log_softmax(1, 0)[0] + _log_softmax(4, 0)[0]]
    prior = [np.log(0.5), 2 * np.log(0.5)]
    wanted = np.exp(_log_softmax(*(a - b for a, b in zip(_log_softmax(*sums), _log_softmax(*prior), strict=True))))
    scores = {candidate.text: candidate.score for candidate in found.segments[0].candidates}
    np.testing.assert_allclose([scores[label] for label in labels], wanted, rtol=1e-4)
    masked = [ids for ids in engine.sequences if has_video(ids)]
    assert sorted(ids[2:4] for ids in masked) == [[MASK, RED], [MASK, SQUARE], [DARK, MASK]]


def test_a_label_place_leaves_other_masks_masked(known: Runtime, engine: KnownEngine) -> None:
    known.classify(tokens_of(known, [1]), ["red", "blue"], ["a {label} [MASK]"])
    assert all(ids[2:4] == [MASK, MASK] for ids in engine.sequences)


def test_a_video_is_cut_into_windows_and_equal_windows_are_asked_once(known: Runtime, engine: KnownEngine) -> None:
    video = tokens_of(known, [1, 2, 1, 2, 3])
    found = known.classify(video, question="colour", window_clips=2)
    assert [(s.start_s, s.end_s, s.padded_frames) for s in found.segments] == [(0, 3, 0), (3, 6, 0), (6, 7.5, 2)]
    # Two templates, two distinct windows; and once each without the video.
    assert sum(map(has_video, engine.sequences)) == 4
    assert len(engine.sequences) == 6


@pytest.mark.parametrize(
    "ask",
    [
        {"labels": ["red"]},
        {"templates": ["a [MASK]"]},
        {},
        {"question": "mood"},
        {"labels": [], "templates": ["a [MASK]"]},
        {"labels": "red", "templates": ["a [MASK]"]},
        {"labels": ["red", "red"], "templates": ["a [MASK]"]},
        {"labels": ["red"], "templates": ["no blank"]},
        {"labels": ["red"], "templates": ["[MASK] and [MASK]"]},
        {"labels": ["zebra"], "templates": ["a [MASK]"]},
        {"labels": [" "], "templates": ["a [MASK]"]},
        {"question": "colour", "window_clips": 0},
        {"question": "colour", "window_clips": 10_000},
        {"question": "colour", "top": 0},
        {"question": "colour", "prior_strength": -1},
        {"question": "colour", "stride": 6},
    ],
    ids=str,
)
def test_a_question_that_makes_no_sense_is_an_input_error(known: Runtime, ask: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        known.classify(tokens_of(known, [1]), **ask)


def test_fill_answers_each_mask_and_each_moment(known: Runtime, engine: KnownEngine) -> None:
    """Words are the mean log-probability over windows; a moment is filled from the window that holds it."""

    def words(ids: list[int], position: int) -> npt.NDArray[np.float32]:
        second = WORDS + 5 in ids
        return log_odds(red=2 if second else 0, blue=1) if position == 2 else log_odds(green=1, dark=0)

    engine.word_logits = words
    engine.visual_logits = lambda ids, position: np.arange(VISUAL) * (0.5 if WORDS + 5 in ids else -0.5)
    found = known.fill("a [MASK] [MASK]", tokens_of(known, [1, 2, 3, 4, 5, 6]), visual=[5, 1], top=2)
    assert [(filled.kind, filled.index) for filled in found.filled] == [
        ("word", 0),
        ("word", 1),
        ("visual", 1),
        ("visual", 5),
    ]
    first = found.filled[0].candidates
    assert [candidate.text for candidate in first] == ["red", "blue"]
    means = [(a + b) / 2 for a, b in zip(_log_softmax(0, 1), _log_softmax(2, 1), strict=True)]
    np.testing.assert_allclose([c.score for c in first], np.exp(_log_softmax(*means)), rtol=1e-4)
    one, five = found.filled[2:]
    assert (one.candidates[0].text, one.candidates[0].id) == ("<0>", WORDS)
    assert (five.candidates[0].text, five.candidates[0].id) == ("<63>", WORDS + 63)
    assert (one.start_s, one.end_s, five.start_s, five.end_s) == (1.5, 3.0, 7.5, 9.0)
    # Which sequence comes first in a call is the family's affair.
    assert [WORDS + 1, MASK, WORDS + 3, WORDS + 4, 3] in [sequence[5:] for sequence in engine.sequences]


def test_fill_never_answers_with_a_special_word(known: Runtime, engine: KnownEngine) -> None:
    engine.word_logits = lambda ids, position: -np.arange(WORDS, dtype=np.float32)
    candidates = known.fill("[MASK]", top=WORDS).filled[0].candidates
    assert candidates[0].text == "red"
    assert not {candidate.id for candidate in candidates} & set(range(5))
    np.testing.assert_allclose(sum(candidate.score for candidate in candidates), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "ids", "visual"),
    [("red", [1], ()), ("red", None, ()), ("red", None, [0]), ("", [1], [1]), ("", [1], [-1]), ("", [1], [0.5])],
)
def test_nothing_to_fill_is_an_input_error(known: Runtime, text: str, ids: list[int] | None, visual: Any) -> None:
    with pytest.raises(InputError):
        known.fill(text, None if ids is None else tokens_of(known, ids), visual)


def test_align_means_log_odds_over_windows(known: Runtime, engine: KnownEngine) -> None:
    engine.aligned = lambda ids: 3.0 if WORDS + 5 in ids else -1.0
    found = known.align(tokens_of(known, [1, 2, 3, 4, 5]), "red square")
    np.testing.assert_allclose(found.score, 1 / (1 + np.exp(-1)), rtol=1e-6)
    np.testing.assert_allclose([w.score for w in found.windows], [1 / (1 + np.e), 1 / (1 + np.exp(-3))], rtol=1e-6)
    assert len(known.align(tokens_of(known, [1, 2, 3]), "red", window_clips=1).windows) == 3
    with pytest.raises(InputError, match="empty"):
        known.align(tokens_of(known, [1]), "  ")


def test_words_that_the_model_does_not_know_are_told(known: Runtime) -> None:
    video, text = tokens_of(known, [1]), "a red elephant walks, elephant!"
    wanted = ("elephant", "walks")
    assert known.align(video, text).unknown_words == wanted
    assert known.embed(text=text).unknown_words == known.embed(video, text).unknown_words == wanted
    assert known.fill(f"[MASK] {text}", video).unknown_words == known.fill(f"[MASK] {text}").unknown_words == wanted
    found = known.classify(video, ["red", "blue"], ["a [MASK] elephant", "the elephant walks {label}"])
    assert found.unknown_words == wanted
    assert known.align(video, "a red square").unknown_words == known.embed(video).unknown_words == ()


@pytest.mark.parametrize("text", ["elephant", "an elephant walks in Paris.", "[CLS]", "…"])
def test_a_text_of_which_the_model_knows_nothing_is_an_input_error(known: Runtime, text: str) -> None:
    video = tokens_of(known, [1])
    asked = [lambda: known.align(video, text), lambda: known.embed(text=text), lambda: known.embed(video, text)]
    if text != "…":  # beside a mask, punctuation is a text
        asked += [lambda: known.fill(f"[MASK] {text}", video), lambda: known.fill(f"[MASK] {text}")]
    for ask in asked:
        with pytest.raises(InputError, match="knows no word"):
            ask()


@pytest.mark.parametrize("text", ["", " \t"])
def test_an_empty_text_is_an_input_error(known: Runtime, text: str) -> None:
    for video in (None, tokens_of(known, [1])):
        with pytest.raises(InputError, match="empty"):
            known.embed(video, text)
    with pytest.raises(InputError, match="empty"):
        known.align(tokens_of(known, [1]), text)


def test_embed_is_the_mean_of_cls_over_windows(known: Runtime, engine: KnownEngine) -> None:
    found = known.embed(tokens_of(known, [1, 2, 3, 4, 5]))
    assert (found.kind, found.comparable, found.vector.dtype) == ("video", False, np.float32)
    np.testing.assert_allclose(found.vector[:2], [0.5, 0])
    assert known.embed(text="red").kind == "text"
    assert known.embed(tokens_of(known, [1]), "red").kind == "joint"
    with pytest.raises(InputError, match="nothing to embed"):
        known.embed()


@pytest.mark.parametrize("change", [-1, 1], ids=["narrow", "wide"])
@pytest.mark.parametrize("stage", ["encoder", "text_head", "visual_head", "alignment_head"])
def test_an_output_that_does_not_fit_the_configuration_is_a_model_error(
    known: Runtime, engine: KnownEngine, stage: Stage, change: int
) -> None:
    run = engine.run

    def other(asked: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        output = run(asked, **inputs)
        if asked != stage:
            return output
        return np.repeat(output, 2, axis=-1) if change > 0 else output[..., :-1]

    engine.run = other  # type: ignore[method-assign]
    video = tokens_of(known, [1, 2])
    with pytest.raises(ModelError, match=f"{stage} does not fit config.json"):
        known.align(video, "red") if stage in ("encoder", "alignment_head") else known.fill("[MASK] red", video, [1])


def test_text_that_leaves_no_room_is_an_error_and_less_room_makes_smaller_windows(
    known: Runtime, engine: KnownEngine
) -> None:
    video = tokens_of(known, [1, 2, 3, 4])
    assert len(known.align(video, "red " * 123).windows) == 2
    assert max(map(len, engine.sequences)) == 128
    with pytest.raises(LimitExceeded, match="125 word pieces"):
        known.align(video, "red " * 125)
    with pytest.raises(LimitExceeded, match="127 word pieces"):
        known.embed(text="red " * 127)


def test_run_merges_neighbours_that_agree(known: Runtime, engine: KnownEngine) -> None:
    """With one neighbour on either side the majority of three decides, and a lone dissenter is outvoted."""

    def logits(ids: list[int], position: int) -> npt.NDArray[np.float32]:
        visual = [index - WORDS for index in ids if WORDS <= index < WORDS + VISUAL]
        return log_odds(red=sum(i < 10 for i in visual), blue=sum(i >= 10 for i in visual), green=0)

    engine.word_logits = logits
    report = known.run(tokens_of(known, [1, 2, 1, 20, 3, 4, 21, 22, 23]), context_clips=1)
    assert [(s.start_s, s.end_s, s.answers["colour"][0].text) for s in report.segments] == [
        (0, 9, "red"),
        (9, 13.5, "blue"),
    ]
    assert report.segments[0].tokens == (1, 2, 1, 20, 3, 4)
    assert [s.padded_frames for s in report.segments] == [0, 2]
    assert (report.source, report.duration_s, report.percentile, report.out_of_domain) == ("tokens", 13.5, 50, False)
    assert all(segment.thumbnail is None for segment in report.segments)
    assert len(known.run(tokens_of(known, [1, 20, 1])).segments) == 3
    with pytest.raises(InputError, match="context_clips"):
        known.run(tokens_of(known, [1]), context_clips=-1)


def test_every_verb_flags_what_is_out_of_domain(known: Runtime) -> None:
    video = tokens_of(known, [1, 2, 3])
    strange = dataclasses.replace(video, percentiles=np.array([10, 99.5, 100], np.float32))
    verbs: list[Callable[[VisualTokens], Any]] = [
        known.run,
        known.tokens,
        known.embed,
        lambda video: known.embed(video, "red"),
        lambda video: known.fill("a [MASK]", video),
        lambda video: known.classify(video, question="colour"),
        lambda video: known.align(video, "red"),
    ]
    for verb in verbs:
        assert [(a.percentile, a.out_of_domain) for a in map(verb, (strange, video))] == [(99.5, True), (50, False)]
    for answer in (known.embed(text="red"), known.fill("a [MASK]")):
        assert (answer.percentile, answer.out_of_domain) == (None, None)


def test_run_of_a_model_without_questions_gives_windows(
    model_folder: Path, engine: KnownEngine, tmp_path: Path
) -> None:
    import hashlib

    folder = tmp_path / "plain"
    shutil.copytree(model_folder, folder)
    config = json.loads((folder / "config.json").read_text()) | {"questions": {}}
    (folder / "config.json").write_text(json.dumps(config))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["config.json"] = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    plain = Runtime(ModelFolder(folder), engine, Limits())
    report = plain.run(tokens_of(plain, [1, 2, 3, 4, 5]))
    assert [(s.start_s, s.end_s, s.answers) for s in report.segments] == [(0, 6, {}), (6, 7.5, {})]
