"""The questions of `config.json`: their labels, what answers them, and when an answer is left open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, get_args

from videobert.base.errors import ModelError

AnsweredBy = Literal["templates", "features", "pictures", "groups"]
# Names of questions that are about sentiment; of several that a model has, the first of these is asked.
SENTIMENT_QUESTIONS = ("sentiment", "mood", "emotion")
_OF_FEATURES = "head"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
# Stages of these names are the joint encoder's heads.
_TAKEN = frozenset({"text", "visual", "alignment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstainConfig:
    """When logits are not to be trusted.

    Args:
        temperature: logits are divided by it before they become probabilities.
        energy_at_least: log-sum-exp of the logits (arXiv 2010.03759), below which the answer is left open; None asks
            for none.
        probability_at_least: the same of the best label's probability.
        with_neighbour: the energy is that of the mean logits of two clips that follow each other: of each clip with the
            one before or behind it, whichever is higher. What is really there lasts; what only seems so changes.
    """

    temperature: float = 1.0
    energy_at_least: float | None = None
    probability_at_least: float | None = None
    with_neighbour: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionConfig:
    """A question that `run` puts to every segment, and the labels to choose from.

    Args:
        labels: what to choose from.
        answered_by: `"templates"`: fill-in sentences for the joint encoder; each label is a single word of the
            tokenizer, with optional `{label}` use left to callers of `classify`. `"features"`: a linear layer on the
            backbone's features, the stage `<question>_head`. `"pictures"`: a network on single frames of a clip, the
            stage `<question>_classifier`. `"groups"`: labels of another question taken together.
        templates: sentences, each with one `[MASK]`; of a question that templates answer.
        abstain: when the answer is left open; not of a question that templates answer. Of groups only the probability
            counts; without it they are open where the question is that they are of.
        of, groups: the other question, and for each label the places of its labels.
    """

    labels: tuple[str, ...]
    templates: tuple[str, ...] = ()
    answered_by: AnsweredBy = "templates"
    abstain: AbstainConfig | None = None
    of: str | None = None
    groups: tuple[tuple[int, ...], ...] = field(default=(), repr=False)


def sentiment_question(questions: Iterable[str]) -> str | None:
    """Which of a model's questions is about sentiment; None if none is."""
    names = set(questions)
    return next((name for name in SENTIMENT_QUESTIONS if name in names), None)


def question_stage(name: str, question: QuestionConfig) -> str | None:
    """The stage that gives a question's logits; None if templates answer it, or another question."""
    if question.answered_by == "pictures":
        return f"{name}_classifier"
    return feature_stage(name) if question.answered_by == "features" else None


def feature_stage(name: str) -> str:
    """The stage that gives the logits of a question that features answer."""
    return f"{name}_{_OF_FEATURES}"


def check_questions(questions: dict[str, QuestionConfig]) -> None:
    """Refuse questions that cannot be put.

    Raises:
        ModelError: a field is missing, out of range or does not fit another.
    """
    for name, question in questions.items():
        where = f"questions.{name}"
        if question.answered_by not in get_args(AnsweredBy):
            raise _wrong(f"{where}.answered_by", question.answered_by, ", ".join(get_args(AnsweredBy)))
        by_templates = question.answered_by == "templates"
        if not _texts(question.labels) or not question.labels:
            raise _wrong(f"{where}.labels", question.labels, "a list of texts, not empty")
        if not _texts(question.templates) or bool(question.templates) != by_templates:
            allowed = "a list of texts, not empty" if by_templates else "no templates"
            raise _wrong(f"{where}.templates", question.templates, allowed)
        if question_stage(name, question) is not None and (not _NAME.match(name) or name in _TAKEN):
            raise _wrong("questions", name, f"{_NAME.pattern[:-2]}, none of {', '.join(sorted(_TAKEN))}")
        if not by_templates and len(set(question.labels)) != len(question.labels):
            raise _wrong(f"{where}.labels", question.labels[:8], "labels that differ from each other")
        if question.abstain is not None:
            _check_abstain(f"{where}.abstain", question.abstain)
        _check_groups(where, question, questions)


def _check_abstain(where: str, abstain: AbstainConfig) -> None:
    if not _number(abstain.temperature) or abstain.temperature <= 0:
        raise _wrong(f"{where}.temperature", abstain.temperature, "a number above 0")
    if abstain.energy_at_least is not None and not _number(abstain.energy_at_least):
        raise _wrong(f"{where}.energy_at_least", abstain.energy_at_least, "a number, or null")
    if type(abstain.with_neighbour) is not bool:
        raise _wrong(f"{where}.with_neighbour", abstain.with_neighbour, "true or false")
    least = abstain.probability_at_least
    if least is not None and (not _number(least) or not 0 <= least <= 1):
        raise _wrong(f"{where}.probability_at_least", least, "0 to 1, or null")


def _check_groups(where: str, question: QuestionConfig, questions: dict[str, QuestionConfig]) -> None:
    if (question.answered_by == "groups") != (question.of is not None):
        raise _wrong(f"{where}.of", question.of, "the name of a question, where groups answer, else null")
    if question.of is None:
        if question.groups:
            raise _wrong(f"{where}.groups", question.groups[:8], "none, as it is no question of groups")
        return
    other = questions.get(question.of)
    if other is None or other.answered_by not in ("features", "pictures"):
        raise _wrong(f"{where}.of", question.of, "a question that features or pictures answer")
    fits = len(question.groups) == len(question.labels) and all(
        isinstance(group, tuple) and group and all(type(i) is int and 0 <= i < len(other.labels) for i in group)
        for group in question.groups
    )
    if not fits:
        raise _wrong(f"{where}.groups", question.groups[:2], f"for each label places 0 to {len(other.labels) - 1}")


def _texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)


def _number(value: object) -> bool:
    return type(value) in (int, float) and isfinite(value)  # type: ignore[arg-type]


def _wrong(name: str, seen: object, allowed: object) -> ModelError:
    return ModelError(
        f"config.json: {name} is out of range", seen=seen, allowed=allowed, fix="Correct it in config.json."
    )
