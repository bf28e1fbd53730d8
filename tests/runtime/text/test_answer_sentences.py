"""English sentences of answers: names of actions as sentences, and questions with their templates."""

from __future__ import annotations

import pytest

from videobert.get.everyday_config import DATA
from videobert.text.answer_sentences import action_sentence, are_actions, question_sentence, sentence


@pytest.mark.parametrize(
    ("label", "phrase", "wanted"),
    [
        ("arm wrestling", None, "Someone is arm wrestling."),
        ("abseiling", None, "Someone is abseiling."),
        ("playing cricket", None, "Someone is playing cricket."),
        ("playing bass guitar", None, "Someone is playing the bass guitar."),
        ("flipping pancake", None, "Someone is flipping a pancake."),
        ("riding elephant", None, "Someone is riding an elephant."),
        ("catching or throwing frisbee", None, "Someone is catching or throwing a frisbee."),
        ("playing basketball", None, "Someone is playing basketball."),
        ("dunking basketball", None, "Someone is dunking a basketball."),
        ("climbing a rope", None, "Someone is climbing a rope."),
        ("running on treadmill", None, "Someone is running on a treadmill."),
        ("mopping floor", None, "Someone is mopping the floor."),
        ("pole vault", None, "Someone is doing a pole vault."),
        ("high kick", "kicking high in the air", "Someone is kicking high in the air."),
        ("squat", "bending the knees deeply with weights", "Someone is doing squats."),
        ("archery", "archery", "Someone is doing archery."),
        ("baby waking up", None, "A baby is waking up."),
        ("hurling (sport)", None, "Someone is hurling."),
        ("tying knot (not on a tie)", None, "Someone is tying a knot."),
    ],
)
def test_an_action_is_said_of_someone(label: str, phrase: str | None, wanted: str) -> None:
    assert action_sentence(label, phrase) == wanted


def test_every_action_that_everyday_knows_is_a_sentence() -> None:
    labels = tuple((DATA / "kinetics400.txt").read_text(encoding="utf-8").split("\n")[:400])
    assert len(labels) == 400
    assert are_actions(labels)
    said = [action_sentence(label) for label in labels]
    assert all(text.startswith(("Someone is ", "A baby is ")) and text.endswith(".") for text in said)
    assert not any("(" in text or "  " in text for text in said)
    assert not any(twice in text for text in said for twice in (" a a ", " the the ", " a the ", " the a "))


@pytest.mark.parametrize(
    ("templates", "wanted"),
    [
        (("it is a [MASK]", "there is a [MASK]"), "It is a star."),
        (("a {label} shape",), "A star shape."),
        (("[MASK] [MASK]",), "Main shape: star."),
        ((), "Main shape: star."),
    ],
)
def test_a_question_is_said_by_its_first_template_or_by_name(templates: tuple[str, ...], wanted: str) -> None:
    assert question_sentence("main_shape", "star", templates) == wanted


def test_what_are_actions() -> None:
    assert are_actions(["running", "pole vault", "arm wrestling"])
    assert not are_actions(["happy", "sad", "something"])


def test_a_sentence_ends_once() -> None:
    assert [sentence(text) for text in ("a dog", " Is it? ", "it is.")] == ["A dog.", "Is it?", "It is."]
