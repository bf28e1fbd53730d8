"""`answer`: choices, blanks, yes or no; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
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


@pytest.mark.parametrize(
    ("question", "options", "error", "words"),
    [
        ("", {}, InputError, "empty"),
        ("is it red or blue?", {}, InputError, "not understood"),
        ("a [MASK] circle", {}, UsageError, "nothing to choose"),
        ("a [MASK] [MASK]", {"choices": ["red", "blue"]}, UsageError, "one blank"),
        ("what?", {"choices": ["red"]}, UsageError, "one choice"),
        ("what?", {"choices": ["red", "red"]}, UsageError, "twice"),
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


def test_the_error_about_open_answers_names_those_who_can(shapes: Asked) -> None:
    model, tokens = shapes
    with pytest.raises(ModelError) as raised:
        model.answer(tokens, "what is it?")
    assert "univl" in str(raised.value.allowed)
