"""Questions of yes or no as statements."""

from __future__ import annotations

import pytest

from videobert.text.yes_no import asks_yes_or_no, statement


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("is there a red circle?", "a red circle"),
        ("Are there any people?", "people"),
        ("is this a cricket match", "a cricket match"),
        ("can you see a dog?", "a dog"),
        ("do we see the street", "the street"),
        ("does someone flip a pancake?", "someone flips a pancake"),
        ("do people play cricket?", "people play cricket"),
        ("does a man ride a horse?", "a man rides a horse"),
        ("does the circle spin?", "the circle spins"),
        ("does it carry a ball", "it carries a ball"),
        ("does she wash dishes", "she washes dishes"),
        ("are people arm wrestling?", "people are arm wrestling"),
        ("is a man riding a horse?", "a man is riding a horse"),
        ("is the shape red?", "the shape is red"),
        ("is the object a circle?", "the object is a circle"),
        ("is it a circle?", "it is a circle"),
        ("is the ball in the air?", "the ball is in the air"),
        ("was it raining?", "it was raining"),
    ],
)
def test_a_question_becomes_what_it_asks_about(question: str, said: str) -> None:
    assert asks_yes_or_no(question)
    assert statement(question) == said


@pytest.mark.parametrize(
    "question",
    [
        "is it red or blue?",
        "isn't there a circle?",
        "is there no circle?",
        "is it not red?",
        "can it fly?",
        "is there",
        "does it",
        "can you see",
        "does the circle",
        "is the",
        "what is it?",
        "a red circle",
        "",
        "?",
    ],
)
def test_what_the_grammar_does_not_reach_is_left(question: str) -> None:
    assert statement(question) is None


@pytest.mark.parametrize("question", ["what is there?", "who plays?", "", "  ", "is?"[2:]])
def test_other_questions_are_not_of_yes_or_no(question: str) -> None:
    assert not asks_yes_or_no(question)
