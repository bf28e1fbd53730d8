"""`answer`: choices, blanks, yes or no; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.numpy_univl import open_numpy_univl
from tests.numpy_writer import open_writer
from tests.small_conse import film, open_small_conse
from tests.small_milnce import open_small_milnce

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.model.folder import bundled_names, find
from videobert.runtime import Runtime, load
from videobert.visual.tokens import VisualTokens

Asked = tuple[Runtime, VisualTokens]


@pytest.fixture(scope="module")
def shapes() -> Iterator[Asked]:
    if "shapes" not in bundled_names():
        pytest.skip("this checkout carries no bundled model")
    with load("shapes") as model:
        yield model, model.tokens(find("shapes") / "clip.mp4")


@pytest.mark.parametrize(
    ("question", "choices", "span", "text", "stretch"),
    [
        ("what happens?", ["a green square spins", "a blue circle slides"], None, "a blue circle slides", (3, 7.5)),
        ("what happens?", ["a red heart grows", "a blue circle slides"], (3, 6), "a blue circle slides", (3, 6)),
        ("a [MASK] heart", ["white", "red", "green"], None, "red", (7.5, 10.5)),
        ("it is [MASK]", ["yellow", "blue"], (0, 3), "yellow", (0, 3)),
    ],
)
def test_the_right_choice_comes_first_with_the_stretch_that_answers(
    shapes: Asked, question: str, choices: list[str], span: Any, text: str, stretch: tuple[float, float]
) -> None:
    model, tokens = shapes
    found = model.answer(tokens, question, choices=choices, span=span)
    assert found.text == text
    assert found.kind == ("cloze" if "[MASK]" in question else "choice")
    assert (found.start_s, found.end_s) == stretch
    assert sorted(each.text for each in found.candidates) == sorted(choices)
    assert sum(each.score for each in found.candidates) == pytest.approx(1)
    assert not found.unsure
    assert found.statement is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("is there a red heart?", "yes"),
        ("is there a green square?", "no"),
        ("does it bounce?", "yes"),
        ("is it white?", "no"),
    ],
)
def test_yes_or_no(shapes: Asked, question: str, text: str) -> None:
    model, tokens = shapes
    found = model.answer(tokens, question)
    assert (found.kind, found.text) == ("yes_no", text)
    assert found.score > 0.5
    assert found.statement
    assert ((found.start_s, found.end_s) == (0, 10.5)) == (text == "no")


def test_where_no_choice_fits_the_answer_is_open(shapes: Asked) -> None:
    model, tokens = shapes
    assert model.answer(tokens, "what?", choices=["a green square", "a white triangle"]).unsure


def test_evidence_is_the_clips_of_the_stretch(shapes: Asked) -> None:
    model, tokens = shapes
    found = model.answer(tokens, "is there a blue circle?", evidence=True)
    assert [each.start_s for each in found.evidence] == [3, 4.5, 6]


def test_by_meaning(tmp_path: Path) -> None:
    # The second channel is what the small model calls blue.
    scenes = film((200, 0, 0), (0, 200, 0), seconds=4.0)
    with open_small_conse(tmp_path) as model:
        found = model.answer(scenes, "what is it?", choices=["green", "blue"])
        assert (found.text, found.method, round(found.start_s)) == ("blue", "meaning", 4)


def test_a_model_that_only_compares_chooses_and_does_not_say_yes(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model:
        assert model.answer(film((0, 200, 0)), "which?", choices=["red", "green"]).text == "green"
        with pytest.raises(ModelError, match="yes from no"):
            model.answer(film((0, 200, 0)), "is it green?")


def test_a_model_that_compares_by_two_streams_locates_and_chooses(tmp_path: Path) -> None:
    # The second channel is what the small model calls green.
    scenes = film((200, 0, 0), (0, 200, 0), seconds=3.0)
    with open_numpy_univl(tmp_path) as model:
        found = model.answer(scenes, "which?", choices=["red", "green"], span=(3.0, 6.0))
        assert (found.text, found.method) == ("green", "alignment")
        assert 3.0 <= found.start_s < found.end_s <= 6.0
        hit = model.locate(scenes, "green", top=1).hits[0]
        assert (hit.start_s, hit.end_s, hit.score) == (3.0, 6.0, 1.0)


def test_an_open_question_is_answered_in_the_decoders_words(tmp_path: Path) -> None:
    model, engine = open_writer(tmp_path)
    scenes = film((200, 0, 0), (0, 200, 0), seconds=6.0)
    with model:
        found = model.answer(scenes, "what is it?", span=(6.0, 12.0), evidence=True)
        assert (found.kind, found.method, found.text) == ("open", "decoder", "a green square")
        assert 6.0 <= found.start_s < found.end_s <= 12.0
        assert 0.9 < found.score < 1
        assert not found.unsure
        assert found.unknown_words == ("what", "it")
        # All clips say the same: none is missed where another is left.
        assert [each.drop for each in found.evidence] == pytest.approx([0] * len(found.evidence))
        assert len(found.evidence) == 2
        # The question stands beside the video.
        assert "text_encoder" in engine.calls
        whole = model.answer(scenes, "what is it?")
        assert whole.text in {"a red square", "a green square"}
        assert whole.evidence == ()


def test_a_clip_alone_that_an_open_answer_rests_on_is_held_against_knowing_nothing(tmp_path: Path) -> None:
    model, _ = open_writer(tmp_path)
    with model:
        found = model.answer(film((200, 0, 0), seconds=1.5), "what is it?", evidence=True)
        (only,) = found.evidence
        assert (only.start_s, only.end_s) == (0.0, 1.5)
        assert only.drop == pytest.approx(np.log(model.config.words), abs=0.1)


def test_where_the_decoder_writes_no_word_the_answer_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = open_writer(tmp_path)
    monkeypatch.setattr("videobert.pipeline.open_answers.best_sentences", lambda *_, **__: [(), ()])
    with model:
        found = model.answer(film((200, 0, 0), seconds=6.0), "what is it?", evidence=True)
    assert (found.text, found.score, found.unsure, found.evidence) == ("", 0.0, True, ())


@pytest.mark.parametrize(
    ("question", "options", "error", "words"),
    [
        ("", {}, InputError, "empty"),
        ("is it red or blue?", {}, InputError, "not understood"),
        ("a [MASK] circle", {}, UsageError, "nothing to choose"),
        ("a [MASK] [MASK]", {"choices": ["red", "blue"]}, UsageError, "one blank"),
        ("what?", {"choices": ["red"]}, UsageError, "one choice"),
        ("what?", {"choices": ["red", "red"]}, UsageError, "twice"),
        ("what?", {"choices": ["red", "Red"]}, UsageError, "twice"),
        ("what?", {"choices": ["xyzzy", "plugh"]}, InputError, "no word"),
        ("what?", {"choices": []}, UsageError, "choices"),
        ("what?", {"choices": ["red", "xyzzy"]}, InputError, "no word"),
        ("is it red?", {"span": (3, 1)}, UsageError, "span"),
        ("is it red?", {"span": (20, 30)}, InputError, "span"),
        ("what is it?", {}, ModelError, "write sentences"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    shapes: Asked, question: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    model, tokens = shapes
    with pytest.raises(error, match=words):
        model.answer(tokens, question, **options)


@pytest.mark.parametrize("question", ["what is it?", "has the heart grown?", "red heart?"])
def test_the_error_about_open_answers_names_those_who_can_and_what_this_model_can(shapes: Asked, question: str) -> None:
    model, tokens = shapes
    with pytest.raises(ModelError) as raised:
        model.answer(tokens, question)
    for said in ("univl", "choices", "is there THING?", "does WHO WHAT?"):
        assert said in str(raised.value.allowed)
    assert "choices=[" in str(raised.value.fix)
    assert "--choice red" in str(raised.value.fix_cli)


def test_a_model_that_tells_no_yes_from_no_is_offered_choices_alone(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model, pytest.raises(ModelError) as raised:
        model.answer(film((200, 0, 0), seconds=3.0), "what is it?")
    assert str(raised.value.allowed).startswith("choices; any question: univl")
    assert "yes or no" not in str(raised.value.fix)
