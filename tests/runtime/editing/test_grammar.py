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
