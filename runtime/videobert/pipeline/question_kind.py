"""What kind of question was asked, and the texts that its answers hold against a video."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from videobert.base.arguments import texts
from videobert.base.errors import InputError, UsageError
from videobert.pipeline.opened import OpenedModel
from videobert.text.yes_no import UNDERSTOOD, asks_yes_or_no, statement

Kind = Literal["choice", "cloze", "yes_no", "open"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked of a model.

    Args:
        text: as it was given.
        kind: see `Answer.kind`.
        answers: what is ranked; none of an open question.
        texts: for each of them what is held against the video; of yes or no the one statement.
        parts: of a cloze the words before and behind the mask.
    """

    text: str
    kind: Kind
    answers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    parts: tuple[str, str] | None = None


def question_of(opened: OpenedModel, text: str, choices: Iterable[str] | None) -> Question:
    """The question that a text is, with or without choices.

    Raises:
        UsageError: no text, one choice alone or twice, several masks, or a mask without choices.
        InputError: a question of yes or no that the grammar does not reach.
    """
    parts = opened.tokenizer.split_at_masks(_checked(opened, text))
    if len(parts) > 2:
        raise UsageError(
            "a question has one blank at most",
            seen=text,
            allowed="one [MASK]",
            fix="Ask for one word at a time; `fill` fills in several.",
        )
    if choices is not None:
        answers = _choices(opened, choices)
        if len(parts) == 1:
            return Question(text, "choice", answers, answers)
        before, behind = parts
        return Question(text, "cloze", answers, tuple(before + each + behind for each in answers), (before, behind))
    if len(parts) == 2:
        raise UsageError(
            "there is nothing to choose from at the [MASK]",
            seen=text,
            fix='Give choices, for example choices=["red", "blue"]; `fill` chooses among all words.',
            fix_cli="Give choices, for example --choice red --choice blue; `fill` chooses among all words.",
        )
    if not asks_yes_or_no(text):
        return Question(text, "open")
    said = statement(text)
    if said is None:
        raise InputError(
            "this question of yes or no is not understood",
            seen=text,
            allowed=UNDERSTOOD,
            fix="Ask it in one of these forms, or give choices.",
        )
    return Question(text, "yes_no", ("yes", "no"), (said,))


def _checked(opened: OpenedModel, text: str) -> str:
    if not opened.tokenizer.read(text, masks=True).pieces:
        raise InputError("the question is empty", fix='Ask something, for example "is there a red circle?".')
    return text


def _choices(opened: OpenedModel, choices: Iterable[str]) -> tuple[str, ...]:
    answers = texts("choices", choices, example='["red", "blue"]')
    read = [_as_read(opened, each) for each in answers]
    twice = [each for place, each in enumerate(answers) if read[place] in read[:place]]
    if twice or len(answers) < 2:
        raise UsageError(
            "a choice is given twice" if twice else "there is one choice alone",
            seen=(twice or answers)[0],
            allowed="two choices or more, each once",
            fix="Give each choice once." if twice else "Give another one, or ask whether it is so: `is there …?`.",
        )
    return answers


def _as_read(opened: OpenedModel, text: str) -> tuple[int, ...] | str:
    """What the model takes a text for; one with words that it does not know is like no other."""
    pieces = opened.tokenizer.encode(text)
    return text if opened.tokenizer.special.unknown in pieces else tuple(pieces)
