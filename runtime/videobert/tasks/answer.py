"""`answer`: questions about a video, with the stretch that answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from videobert.base.errors import ModelError
from videobert.families.log_softmax import log_softmax
from videobert.pipeline.asked_span import check_span
from videobert.pipeline.evidence import evidence
from videobert.pipeline.fitting import Fitting
from videobert.pipeline.locating import Found, find
from videobert.pipeline.open_answers import open_answer
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.question_kind import Question, question_of
from videobert.pipeline.request import Request
from videobert.pipeline.spans import Span, spans
from videobert.pipeline.text_fit import TextFit, text_fit, word_fit
from videobert.pipeline.watched import Watched, watch_shots
from videobert.results.answer import Answer
from videobert.results.candidate import Candidate
from videobert.results.evidence import Evidence


def answer(
    opened: OpenedModel,
    video: Any,
    question: str,
    choices: Iterable[str] | None,
    span: object,
    with_evidence: bool,
    request: Request,
) -> Answer:
    """See `Runtime.answer`."""
    asked, within = question_of(opened, question, choices), check_span(span)
    if asked.kind == "open":
        return open_answer(opened, video, question, within, with_evidence, request)
    fits = _fits(opened, asked)
    if asked.kind == "yes_no" and not fits[0].calibrated:
        raise ModelError(
            "this model compares texts and cannot tell yes from no",
            seen=opened.config.name,
            fix="Give choices, or use a model that tells how probable a text is, such as `shapes`.",
            fix_cli="Give --choice twice or more, or use a model that tells how probable a text is, such as `shapes`.",
        )
    watched = watch_shots(opened, video, request)
    looked_at = spans(watched, within)
    judges = [Fitting(opened, fit, watched, request.cancel) for fit in fits]
    found = [_best(looked_at, judge, fit) for judge, fit in zip(judges, fits, strict=True)]
    best = max(range(len(found)), key=lambda place: found[place].value)
    here, judge = found[best], judges[best]
    values = [each.value for each in found]
    is_no = asked.kind == "yes_no" and here.value <= 0
    scores = _scores(np.array([values[0], 0.0]) if asked.kind == "yes_no" else np.array(values))
    return Answer(
        question=question,
        kind=asked.kind,
        method=fits[0].method,
        candidates=_ranked(asked.answers, scores),
        start_s=looked_at[0].start_s if is_no else here.start_s,
        end_s=looked_at[-1].end_s if is_no else here.end_s,
        unsure=not here.sure or (asked.kind != "yes_no" and fits[best].calibrated and here.value <= 0),
        statement=asked.texts[0] if asked.kind == "yes_no" else None,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, fits[0].rests_on, text=True, video=True),
        unknown_words=tuple(dict.fromkeys(word for fit in fits for word in fit.unknown_words)),
        evidence=_evidence(watched, here, judge) if with_evidence else (),
    )


def _fits(opened: OpenedModel, asked: Question) -> list[TextFit]:
    """What judges each answer; at a blank, of a model that only fills in words, by what stands there alone."""
    if asked.parts is not None and not opened.can("aligns") and opened.can("fills_words"):
        before, behind = asked.parts
        return [word_fit(opened, before, each, behind) for each in asked.answers]
    return [text_fit(opened, text) for text in asked.texts]


def _best(looked_at: list[Span], judge: Fitting, fit: TextFit) -> Found:
    """The stretch that a text fits best, be it well or badly.

    It fits no better than the best of its clips: where several scenes are judged together, a text may be put together
    of what is true of one and what is true of another.
    """
    found = find(looked_at, judge.judge, 1, base=0.0) if fit.calibrated else []
    best = (found or find(looked_at, judge.judge, 1, base=None))[0]
    return replace(best, value=min(best.value, best.peak))


def _scores(values: Any) -> Any:
    return np.exp(log_softmax(values[None])[0].astype(np.float64))


def _ranked(answers: tuple[str, ...], scores: Any) -> tuple[Candidate, ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple(Candidate(text=answers[place], id=None, score=float(scores[place])) for place in order)


def _evidence(watched: Watched, found: Found, judge: Fitting) -> tuple[Evidence, ...]:
    return evidence(watched.clips, found.clips, lambda groups: judge.judge(groups).values, without_any=0.0)
