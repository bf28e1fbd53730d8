"""Captions: of answers, of a decoder, of a span, and of film that the model does not know."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.numpy_writer import open_writer
from tests.small_conse import CONFIG, film, open_small_conse
from tests.small_milnce import open_small_milnce
from tests.small_model import frames_of

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.model.questions import QuestionConfig
from videobert.results.caption import Captions
from videobert.runtime import Runtime
from videobert.text.answer_sentences import UNSURE_TEXT

RED, BLUE, DARK = (200, 20, 20), (20, 200, 20), (10, 10, 10)
# The same answers as names of actions.
ACTIONS = ("arm wrestling", "tossing coin", "pole vault")


def named(labels: tuple[str, str, str]) -> dict[str, QuestionConfig]:
    return {
        **CONFIG.questions,
        "colour": dataclasses.replace(CONFIG.questions["colour"], labels=labels),
    }


@pytest.fixture(scope="module")
def conse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse"), questions=named(ACTIONS)) as opened:
        yield opened


def told(found: Captions) -> list[tuple[float, float, str, bool]]:
    return [(each.start_s, each.end_s, each.text, each.unsure) for each in found]


def test_sentences_are_made_of_the_answers_and_say_so(conse: Runtime) -> None:
    found = conse.caption(film(RED, BLUE, seconds=2.0))
    assert told(found) == [
        (0.0, 2.0, "Someone is arm wrestling. Any: warm.", False),
        (2.0, 4.0, "Someone is tossing a coin. Any: cold.", False),
    ]
    assert found.method == "labels"
    assert len(found) == 2
    assert all(0.9 < each.score <= 1 for each in found)


def test_what_is_left_open_is_not_told_as_if_known(conse: Runtime) -> None:
    found = conse.caption(film(RED, DARK, DARK, BLUE, seconds=2.0))
    assert told(found)[1] == (2.0, 6.0, UNSURE_TEXT, True)
    assert found.segments[1].score == 0.0
    assert [each.unsure for each in found] == [False, True, False]


def test_pictures_tell_no_action(conse: Runtime) -> None:
    assert not any("light" in each.text.lower() for each in conse.caption(film(RED)))


def test_a_span_is_one_sentence(conse: Runtime) -> None:
    video = film(RED, BLUE, RED, seconds=3.0)
    (only,) = conse.caption(video, span=(3.0, 6.0))
    assert (only.start_s, only.end_s, only.text) == (3.0, 6.0, "Someone is tossing a coin. Any: cold.")
    # Of two scenes the longer one.
    (mixed,) = conse.caption(video, span=(2.0, 6.0))
    assert "coin" in mixed.text
    (dark,) = conse.caption(film(DARK, RED), span=(0.0, 3.0))
    assert (dark.text, dark.unsure) == (UNSURE_TEXT, True)


def test_a_film_out_of_domain_is_captioned_as_unsure(model: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    video = frames_of(4.0, seed=2)
    monkeypatch.setattr("videobert.tasks.caption.AT_LEAST", 0.0)
    assert not any(each.unsure for each in model.caption(video))
    monkeypatch.setattr("videobert.pipeline.seen_in_shots.is_out_of_domain", lambda *_: True)
    found = model.caption(video)
    assert found.out_of_domain
    assert [(each.text, each.unsure) for each in found] == [(UNSURE_TEXT, True)]


def test_saved_features_give_the_captions_of_their_video(conse: Runtime) -> None:
    video = film(RED, BLUE, seconds=3.0)
    assert told(conse.caption(conse.features(video))) == told(conse.caption(video))


def test_a_decoder_writes_where_there_is_one(tmp_path: Path) -> None:
    model, engine = open_writer(tmp_path, questions={})
    with model:
        found = model.caption(film(RED, BLUE, seconds=6.0))
        assert found.method == "decoder"
        # Shots of four clips are more than a window holds: two halves each. The second channel is green here.
        assert told(found) == [
            (0.0, 3.0, "A red square.", False),
            (3.0, 6.0, "A red square.", False),
            (6.0, 9.0, "A green square.", False),
            (9.0, 12.0, "A green square.", False),
        ]
        assert all(0.9 < each.score < 1 for each in found)
        # All windows are searched for in one batch.
        assert engine.calls.count("decoder_memory") == 1
        (one,) = model.caption(film(RED, BLUE), span=(3.0, 6.0))
        assert (one.start_s, one.end_s, one.text) == (3.0, 6.0, "A green square.")


def test_a_decoder_with_questions_writes_about_the_stretches_of_their_answers(tmp_path: Path) -> None:
    model, _ = open_writer(tmp_path)
    with model:
        found = model.caption(film(RED, (230, 60, 60), BLUE))
        assert [text for *_, text, _ in told(found)][-1] == "A green square."
        assert {each.text for each in found} == {"A red square.", "A green square."}
        # The cut between two reds parts nothing, but a window holds three clips.
        assert [each.end_s for each in found] == [3.0, 6.0, 9.0]


def test_a_model_without_decoder_and_questions_says_who_can(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model, pytest.raises(ModelError, match="cannot write sentences"):
        model.caption(film(RED))


def test_a_span_that_is_none_is_refused_before_the_video_is_read(conse: Runtime) -> None:
    with pytest.raises(UsageError, match="span is no stretch"):
        conse.caption("missing.mp4", span=(3.0, 1.0))
    with pytest.raises(InputError, match="the span lies outside the video"):
        conse.caption(film(RED), span=(30.0, 40.0))
