"""`classify`: which of some labels fits each stretch of a video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videobert.base.errors import InputError, UsageError
from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import check_top
from videobert.pipeline.request import Request
from videobert.pipeline.watch import watch
from videobert.pipeline.windows import window_size, windows
from videobert.results.classify import Classification, Segment


def classify(
    opened: OpenedModel,
    video: Any,
    labels: Iterable[str] | None,
    templates: Iterable[str] | None,
    question: str | None,
    window_clips: int | None,
    top: int,
    prior_strength: float,
    request: Request,
) -> Classification:
    """See `Runtime.classify`."""
    top = check_top(top)
    opened.need("classifies")
    templates, labels = _choices(opened, labels, templates, question)
    scorer = LabelScorer(opened, templates, labels, prior_strength)
    size = window_size(opened, scorer.longest, window_clips)
    watched = watch(opened, video, request)
    parts = windows(watched.tokens, size)
    scores = scorer.scores([part.ids for part in parts], request.cancel)
    return Classification(
        question=question,
        templates=scorer.templates,
        labels=scorer.labels,
        segments=tuple(
            Segment(
                start_s=part.start_s,
                end_s=part.end_s,
                candidates=scorer.candidates(row, top),
                percentile=part.percentile,
                padded_frames=part.padded_frames,
            )
            for part, row in zip(parts, scores, strict=True)
        ),
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=watched.origin,
        unknown_words=scorer.unknown_words,
    )


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
    if templates is None or labels is None:
        missing = " and ".join(name for name, value in (("labels", labels), ("templates", templates)) if value is None)
        raise UsageError(
            f"{missing} must be given, or a question of the model",
            allowed=f"questions: {', '.join(known) or 'none'}",
            fix='For example labels=["red", "blue"], templates=["a [MASK] circle"].',
            fix_cli='For example --label red --label blue --template "a [MASK] circle".',
        )
    return templates, labels
