"""What instructions mean, and which are refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from videobert.base.errors import UsageError
from videobert.editing.grammar import Step, Times, Words, parse

F = Fraction


def words(text: str, every: bool = False) -> tuple[Words, ...]:
    return (Words(text, every),)


@pytest.mark.parametrize(
    ("instruction", "steps"),
    [
        ("keep only the parts where someone pours", [Step("keep", words("someone pours", True))]),
        ("cut out the talking", [Step("remove", words("talking"))]),
        ("bring the goal to the front", [Step("front", words("goal"))]),
        ("Please keep just the part with a dog.", [Step("keep", words("a dog"))]),
        ("move all the scenes with dogs to the end", [Step("end", words("dogs", True))]),
        ("put the goal before the kick-off", [Step("before", words("goal"), words("kick-off"))]),
        ("move 3-4 s after 7 to 9 s", [Step("after", (Times(F(3), F(4)),), (Times(F(7), F(9)),))]),
        ("start with the goal and end with the bow", [Step("front", words("goal")), Step("end", words("bow"))]),
        ("reverse the order", [Step("reverse")]),
        ("at most 30 seconds", [Step("at_most", seconds=F(30))]),
        ("make it no longer than 1.5 minutes", [Step("at_most", seconds=F(90))]),
        (
            "keep the parts where someone pours, then at most 20 s",
            [Step("keep", words("someone pours", True)), Step("at_most", seconds=F(20))],
        ),
        # Of several "keep" that "and" joins each adds; after "then" it narrows.
        (
            "keep the pouring and keep the stirring",
            [Step("keep", (Words("pouring"), Words("stirring")))],
        ),
        (
            "keep the pouring then keep the stirring",
            [Step("keep", words("pouring")), Step("keep", words("stirring"))],
        ),
        ("keep the parts where a man and a woman dance", [Step("keep", words("a man and a woman dance", True))]),
        ("keep people who sing and cut a cake", [Step("keep", words("people who sing and cut a cake"))]),
        ("keep the singing; cut the cake", [Step("keep", words("singing")), Step("remove", words("cake"))]),
        (
            'keep "arm wrestling", “then cut out” and "a"',
            [Step("keep", (Words("arm wrestling", True), Words("then cut out", True), Words("a", True)))],
        ),
        (
            "remove the first 10 seconds and the credits",
            [Step("remove", (Times(F(0), F(10), from_start=True), Words("credits")))],
        ),
        ("cut the last 5 s", [Step("remove", (Times(F(5), None, from_end=True),))]),
        ("keep everything after 1:30.5", [Step("keep", (Times(F(181, 2), None),))]),
        ("drop everything before 1:00:01", [Step("remove", (Times(None, F(3601)),))]),
        ("keep 3.0–7.5 s", [Step("keep", (Times(F(3), F(15, 2)),))]),
        ("keep from 1 to 2 minutes", [Step("keep", (Times(F(60), F(120)),))]),
        ("keep between 3 and 4 s", [Step("keep", (Times(F(3), F(4)),))]),
        # The other way round.
        ("keep everything but the talking", [Step("remove", words("talking"))]),
        (
            "remove everything except the goal and cut out the bow",
            [Step("keep", words("goal")), Step("remove", words("bow"))],
        ),
        ("keep all except for the first 10 seconds", [Step("remove", (Times(F(0), F(10), from_start=True),))]),
        ("don't show the parts where someone talks", [Step("remove", words("someone talks", True))]),
        ("do not cut out the goal", [Step("keep", words("goal"))]),
        # As people speak.
        ("Could you please cut out the talking?", [Step("remove", words("talking"))]),
        ("I'd like you to keep the goal, please", [Step("keep", words("goal"))]),
        ("show me the goal", [Step("keep", words("goal"))]),
        ("keep 'a dog' and 'a cat'", [Step("keep", (Words("a dog", True), Words("a cat", True)))]),
        ("keep a dog's tail", [Step("keep", words("a dog's tail"))]),
        (
            "keep the parts with people and the parts with dogs",
            [Step("keep", (Words("people", True), Words("dogs", True)))],
        ),
        (
            "bring the goal to the front and put the dog at the end",
            [Step("front", words("goal")), Step("end", words("dog"))],
        ),
        ("keep people who sing and put on a hat", [Step("keep", words("people who sing and put on a hat"))]),
        ("cut from 1:10 till the end", [Step("remove", (Times(F(70), None),))]),
        ("keep from the start to 0:30", [Step("keep", (Times(None, F(30)),))]),
        ("cut after 1:30", [Step("remove", (Times(F(90), None),))]),
        ("trim the last 5 seconds", [Step("remove", (Times(F(5), None, from_end=True),))]),
        ("make it 30 seconds long", [Step("at_most", seconds=F(30))]),
        ("keep 2-3 people at the end of a pier", [Step("keep", words("2-3 people at the end of a pier"))]),
        ('keep "a 5 second sprint"', [Step("keep", words("a 5 second sprint"))]),
    ],
)
def test_understood(instruction: str, steps: list[Step]) -> None:
    assert list(parse(instruction)) == steps
    # Case and spaces mean nothing.
    assert list(parse(f"  {instruction}  ".replace(" ", "  "))) == steps


@pytest.mark.parametrize(
    "instruction",
    [
        *(
            "",
            " ",
            "make it nicer",
            "keep",
            "keep only",
            "cut out",
            'keep ""',
            "dance and cut out the talking",
            "x" * 5000,
            5,
            None,
        ),
        *("bring the goal", "at most", "keep a" + ", then keep a" * 200),
        # Times and exceptions that are said in another way are no texts: they would be cut by chance.
        *("keep the first half", "delete frames 10 to 20", "keep the part at 0:30", "keep 1e9 to 2e9 s"),
        *("cut out the talking, then the first 5 seconds", "trim 5 seconds off the end", "keep all red but the dog"),
        *("remove the sound", "cut silence", "keep all apart from"),
    ],
)
def test_not_understood(instruction: Any) -> None:
    with pytest.raises(UsageError, match="cannot be understood") as caught:
        parse(instruction)
    # The reader sees the grammar, and an example.
    assert "cut out …" in str(caught.value)
    assert "keep only the parts" in str(caught.value)


@pytest.mark.parametrize("instruction", ["keep 7 to 3 s", "cut out 2-2 s"])
def test_reversed_times(instruction: str) -> None:
    with pytest.raises(UsageError, match="reversed or empty"):
        parse(instruction)


def test_steps_in_words() -> None:
    said = [str(step) for step in parse("keep the first 3 s and the goal, then cut out 1-2 s and reverse the order")]
    assert said == ['keep only 0–3 s and "goal"', "cut out 1–2 s", "reverse the order"]
