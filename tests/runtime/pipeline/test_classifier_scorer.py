"""Verbs on a model whose questions are answered by classifiers: on features, on pictures, and by groups of labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_conse import CONFIG, RECIPE, film, open_small_conse

from videobert.base.errors import InputError, MismatchError, UsageError
from videobert.results.classify import NONE_OF_THESE
from videobert.runtime import Runtime
from videobert.video.source.frame_array import FrameArray
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

RED, DARK, GREEN = (220, 20, 20), (15, 15, 15), (20, 20, 220)
FILM = film(RED, DARK, GREEN)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse"), shots=None) as opened:
        yield opened


def fading(one: tuple[int, int, int], other: tuple[int, int, int], count: int) -> FrameArray:
    """A film that goes over from one colour to another, without a cut."""
    shares = np.linspace(0, 1, count)[:, None]
    colours = (1 - shares) * np.array(one) + shares * np.array(other)
    frames = np.broadcast_to(colours[:, None, None, :], (count, 64, 64, 3)).astype(np.uint8)
    return FrameArray(np.ascontiguousarray(frames), np.arange(count) / 10)


def first(segment: Any, question: str) -> str:
    text: str = segment.answers[question][0].text
    return text


def test_run_answers_every_question_of_each_stretch(model: Runtime) -> None:
    report = model.run(FILM)
    assert [(s.start_s, s.end_s) for s in report.segments] == [(0.0, 3.0), (3.0, 6.0), (6.0, 9.0)]
    assert [list(s.answers) for s in report.segments] == [["colour", "light", "any"]] * 3
    assert (first(report.segments[0], "colour"), first(report.segments[2], "colour")) == ("red", "green")
    assert [first(s, "light") for s in report.segments] == ["light", "dark", "light"]
    assert [first(s, "any") for s in report.segments] == ["warm", "cold", "cold"]
    assert report.percentile is None
    assert not report.out_of_domain
    assert all(s.percentile is None for s in report.segments)


def test_what_the_model_does_not_know_is_left_open(model: Runtime) -> None:
    report = model.run(FILM)
    assert [s.unsure for s in report.segments] == [(), ("colour", "any"), ()]
    classified = model.classify(FILM, question="colour", window_clips=2)
    assert [s.unsure for s in classified.segments] == [False, True, False]
    assert [s.text for s in classified.segments if not s.unsure] == ["red", "green"]


def test_stretches_that_are_open_are_one_segment_whatever_the_first_guess(model: Runtime) -> None:
    """Of two kinds of dark, one is a little red and one a little green."""
    report = model.run(film(RED, (25, 10, 10), (10, 10, 25), GREEN))
    assert [(s.start_s, s.end_s) for s in report.segments] == [(0.0, 3.0), (3.0, 9.0), (9.0, 12.0)]


def test_pictures_do_not_part_segments(model: Runtime) -> None:
    """All of it is red, light at first and dark in the end."""
    report = model.run(fading((255, 120, 120), (150, 0, 0), 60))
    assert len(report.segments) == 1
    light, dark = report.segments[0].answers["light"]
    assert {light.text, dark.text} == {"light", "dark"}
    assert light.score < 0.95


def test_stream_gives_the_segments_of_run(model: Runtime) -> None:
    with model.stream(FILM) as stream:
        streamed = list(stream)
    assert [(s.start_s, s.end_s, s.answers, s.unsure) for s in streamed] == [
        (s.start_s, s.end_s, s.answers, s.unsure) for s in model.run(FILM).segments
    ]


def test_neighbours_can_be_asked_for(model: Runtime) -> None:
    """With neighbours on either side, a clip at a cut is judged with what lies beyond it."""
    alone, together = model.run(film(RED, GREEN)), model.run(film(RED, GREEN), context_clips=1)
    assert alone.segments[0].answers["colour"][0].score > 0.999 > together.segments[0].answers["colour"][0].score


def test_tokens_are_labels_with_their_probability(model: Runtime) -> None:
    tokens = model.tokens(FILM)
    assert tokens.ids[[0, 1, 4, 5]].tolist() == [0, 0, 2, 2]
    assert tokens.percentiles is None
    assert tokens.percentile is None
    assert not tokens.out_of_domain
    assert tokens.scores is not None
    assert tokens.sure is not None
    assert tokens.sure.tolist() == [True, True, False, False, True, True]
    assert tokens.scores[0] > 0.99
    assert tokens.scores[2] < 0.5
    assert VisualTokens.from_bytes(tokens.to_bytes()) == tokens
    # As the labels are called, which no file keeps: a model that takes the tokens says it anew.
    assert tokens.names is not None
    assert (tokens.names[0], tokens.names[5]) == ("red", "green")
    loaded = VisualTokens.from_bytes(tokens.to_bytes())
    assert loaded.names is None
    assert model.tokens(loaded).names == tokens.names
    assert tokens.strided(2).names == tokens.names[::2]
    with pytest.raises(UsageError, match="names"):
        dataclasses.replace(tokens, names=("red",))


def test_a_token_is_the_classifiers_first_label(model: Runtime) -> None:
    random = np.random.default_rng(3)
    features = random.standard_normal((500, 4)).astype(np.float32)
    ids, _ = model._opened.assign(features)
    said = model._opened.feature_classifiers["colour"].judge(features)
    np.testing.assert_array_equal(ids, said.probabilities.argmax(axis=1))


def test_saved_tokens_answer_what_they_can(model: Runtime, tmp_path: Path) -> None:
    tokens = model.tokens(FILM)
    tokens.save(tmp_path / "film.vbt")
    report = model.run(tmp_path / "film.vbt")
    assert [list(s.answers) for s in report.segments] == [["colour", "any"]] * 3
    assert [(s.start_s, s.unsure) for s in report.segments] == [(0.0, ()), (3.0, ("colour", "any")), (6.0, ())]
    assert first(report.segments[0], "colour") == "red"
    found = model.classify(tokens, question="colour", window_clips=2).segments
    # What tokens say nothing of is no answer, though it shares what probability is left.
    assert [[each.text for each in found[at].candidates] for at in (0, 2)] == [["red"], ["green"]]
    assert len(model.classify(FILM, question="colour").segments[0].candidates) == 3
    with pytest.raises(InputError, match="visual tokens do not answer the question light") as caught:
        model.classify(tokens, question="light")
    assert "`videobert features VIDEO --out FILE.vbf`" in str(caught.value.fix_cli)


def test_saved_features_answer_everything(model: Runtime, tmp_path: Path) -> None:
    features = model.features(FILM)
    features.save(tmp_path / "film.vbf")
    for video in (features, tmp_path / "film.vbf", str(tmp_path / "film.vbf")):
        report = model.run(video)
        assert [(s.start_s, s.end_s, s.unsure) for s in report.segments] == [
            (s.start_s, s.end_s, s.unsure) for s in model.run(FILM).segments
        ]
        assert [list(s.answers) for s in report.segments] == [["colour", "light", "any"]] * 3
        assert report.origin.tokens_from is not None
        assert report.origin.decoder is None
    assert model.tokens(features) == model.tokens(FILM)
    np.testing.assert_allclose(model.embed(features).vector, model.embed(FILM).vector, atol=2e-3)
    assert model.align(features, "red").score == pytest.approx(model.align(FILM, "red").score, abs=2e-3)
    assert model.classify(features, question="light").segments[0].text == "light"
    assert model.features(features) == features


def test_features_of_every_second_clip(model: Runtime) -> None:
    features = model.features(FILM)
    assert model.tokens(features, stride=2).ids.tolist() == model.tokens(FILM, stride=2).ids.tolist()
    with pytest.raises(InputError, match="cannot be read with that stride"):
        model.tokens(model.features(FILM, stride=2), stride=3)


def test_features_of_another_model_are_refused(model: Runtime, tmp_path: Path) -> None:
    features = model.features(FILM)
    fields = {name: getattr(features, name) for name in VideoFeatures.__dataclass_fields__}
    with pytest.raises(MismatchError, match="made by another model"):
        model.run(VideoFeatures(**{**fields, "backbone": "f" * 16}))
    with pytest.raises(InputError, match="do not fit the model"):
        model.run(VideoFeatures(**{**fields, "features": np.zeros((6, 5), np.float16)}))
    wrong = {"light": np.zeros((6, 3), np.float16)}
    with pytest.raises(InputError, match="logits of the question light do not fit"):
        model.run(VideoFeatures(**{**fields, "pictures": wrong}))
    with pytest.raises(MismatchError, match="no tracks to choose from"):
        model.run(features, track=0)
    with pytest.raises(InputError, match="tokens do not tell the features"):
        model.features(model.tokens(FILM))


def test_labels_of_ones_own_need_no_template(model: Runtime) -> None:
    found = model.classify(FILM, ["red", "green"], window_clips=2)
    assert found.labels == ("red", "green")
    assert found.templates == ()
    assert [s.text for s in found.segments] == ["red", NONE_OF_THESE, "green"]
    assert sum(c.score for c in found.segments[0].candidates) == pytest.approx(1.0)


def test_one_label_is_as_likely_as_align_says(model: Runtime) -> None:
    one = model.classify(film(RED), ["red"], ["{label}"], window_clips=2).segments[0]
    scores = {candidate.text: candidate.score for candidate in one.candidates}
    assert scores["red"] == pytest.approx(model.align(film(RED), "red").score, abs=1e-6)
    assert scores[NONE_OF_THESE] == pytest.approx(1 - scores["red"], abs=1e-6)


@pytest.mark.parametrize(
    ("ask", "error", "what"),
    [
        (lambda m: m.classify(FILM, ["red", "red"]), UsageError, "given twice"),
        (lambda m: m.classify(FILM, [NONE_OF_THESE]), UsageError, "always among the answers"),
        (lambda m: m.classify(FILM, ["red"], ["a circle"]), UsageError, "one place for the label"),
        (lambda m: m.classify(FILM, ["xyzzy"]), InputError, "knows no word"),
        (lambda m: m.classify(FILM), UsageError, "labels must be given"),
        (lambda m: m.classify(FILM, templates=["a {label}"]), UsageError, "labels must be given"),
        (lambda m: m.classify(FILM, question="shape"), InputError, "no such question"),
        (lambda m: m.classify(FILM, ["red"], question="colour"), UsageError, "labels of its own"),
        (lambda m: m.classify(FILM, templates=["a {label}"], question="any"), UsageError, "labels of its own"),
        (lambda m: m.tokens(FILM, assignment="tree"), InputError, "has no tree"),
    ],
)
def test_what_cannot_be_asked_is_refused(model: Runtime, ask: Any, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        ask(model)


def test_a_last_clip_that_is_mostly_one_frame_says_nothing_of_its_own(model: Runtime) -> None:
    """Three seconds of red, then half a second that gets dark: 5 of the last clip's 15 frames are real."""
    frames = np.concatenate([film(RED).frames, fading(RED, DARK, 5).frames])
    given = FrameArray(frames, np.arange(len(frames)) / 10)
    report = model.run(given)
    assert [(s.start_s, s.unsure) for s in report.segments] == [(0.0, ())]
    assert report.segments[0].end_s == pytest.approx(3.5)
    assert report.segments[0].padded_frames == 10
    assert first(report.segments[0], "colour") == "red"
    assert report.segments[0].answers["colour"][0].score > 0.99
    tokens = model.tokens(given)
    assert tokens.sure is not None
    assert tokens.sure.tolist() == [True, True, False]
    saved = model.features(given)
    assert [s.end_s for s in model.run(saved).segments] == [pytest.approx(3.5)]
    np.testing.assert_allclose(model.embed(given).vector, model.embed(film(RED)).vector, atol=1e-3)
    (whole,) = model.classify(given, question="colour", window_clips=2).segments
    assert (whole.start_s, whole.end_s, whole.padded_frames, whole.unsure) == (0.0, pytest.approx(3.5), 10, False)
    assert [w.end_s for w in model.align(given, "red").windows] == [1.5, pytest.approx(3.5)]


def test_a_video_that_is_mostly_one_frame_is_answered_all_the_same(model: Runtime) -> None:
    report = model.run(FrameArray(film(RED).frames[:4], np.arange(4) / 10))
    assert len(report.segments) == 1
    assert first(report.segments[0], "colour") == "red"


def test_the_configuration_comes_back(tmp_path: Path) -> None:
    fields = CONFIG.to_json()
    assert type(CONFIG).from_json(fields) == CONFIG
    assert RECIPE.frames == 15
