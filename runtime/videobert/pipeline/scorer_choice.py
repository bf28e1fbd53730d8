"""What scores labels: of a question of the model, or a caller's own."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from videobert.base.errors import InputError, UsageError
from videobert.pipeline.classifier_scorer import ClassifierScorer
from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.meaning_scorer import MeaningScorer
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.scoring import Scorer
from videobert.results.origin import Origin


def scorer_for(
    opened: OpenedModel,
    labels: Iterable[str] | None,
    templates: Iterable[str] | None,
    question: str | None,
    prior_strength: float = 1.0,
) -> Scorer:
    """What scores the labels: a classifier of the model, their meaning, or the joint encoder in templates.

    Args:
        labels, templates, question, prior_strength: see `Runtime.classify`.

    Raises:
        UsageError: they do not go together.
        InputError: there is no such question, or the model does not know a label.
        ModelError: the model cannot classify.
    """
    known = opened.config.questions
    own = known.get(question) if isinstance(question, str) else None
    if own is not None and own.answered_by != "templates":
        if labels is not None or templates is not None:
            raise UsageError(
                "this question has labels of its own, which a classifier answers",
                seen=question,
                fix="Leave labels and templates out, or leave the question out.",
                fix_cli="Leave --label and --template out, or leave --question out.",
            )
        return ClassifierScorer(opened, str(question))
    opened.need("classifies")
    if opened.chooses_labels is not None and labels is not None and question is None:
        return MeaningScorer(opened, opened.chooses_labels, labels, templates)
    templates, choices = _choices(opened, labels, templates, question)
    scorer = LabelScorer(opened, templates, choices, prior_strength)
    if labels is not None and len(scorer.labels) == 1:
        # Its score would be 1, whatever the video shows.
        raise UsageError(
            "this model compares labels, and there is one alone",
            seen=scorer.labels[0],
            fix="Give two labels or more, or ask with `align` whether one text belongs to the video.",
        )
    return scorer


def origin_of_scores(opened: OpenedModel, origin: Origin, question: str | None, *, own_labels: bool) -> Origin:
    """What the answer rests on: a classifier of the model for its own question, else the family."""
    if question is not None and not own_labels:
        return opened.resting_on(origin, text=True, video=True, questions=[question])
    return opened.resting_on(origin, "classifies", text=True, video=True)


def _choices(
    opened: OpenedModel, labels: Iterable[str] | None, templates: Iterable[str] | None, question: str | None
) -> tuple[Iterable[str], Iterable[str]]:
    """Templates and labels: those of the question, each replaced by what the caller gives."""
    known = opened.config.questions
    if question is not None:
        if not isinstance(question, str) or question not in known:
            raise InputError(
                "this model has no such question",
                seen=question,
                allowed=", ".join(known) or "none; give labels and templates",
                fix="Use one of those, or give labels and templates of your own.",
            )
        templates = known[question].templates if templates is None else templates
        labels = known[question].labels if labels is None else labels
    # Where nothing was said, a question of the model is the shortest way.
    own = next(iter(known), None) if question is None else None
    by_name = "" if own is None else f"question={json.dumps(own, ensure_ascii=False)}, or "
    by_option = "" if own is None else f"--question {shlex.quote(own)}, or "
    if opened.chooses_labels is not None:
        raise UsageError(
            "labels must be given, or a question of the model",
            allowed=f"questions: {', '.join(known) or 'none'}",
            fix=f'For example {by_name}labels=["cooking", "sports"].',
            fix_cli=f"For example {by_option}--label cooking --label sports.",
        )
    if templates is None or labels is None:
        missing = " and ".join(name for name, value in (("labels", labels), ("templates", templates)) if value is None)
        raise UsageError(
            f"{missing} must be given, or a question of the model",
            allowed=f"questions: {', '.join(known) or 'none'}",
            fix=f'For example {by_name}labels=["red", "blue"], templates=["a [MASK] circle"].',
            fix_cli=f'For example {by_option}--label red --label blue --template "a [MASK] circle".',
        )
    return templates, labels
