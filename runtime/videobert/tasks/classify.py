"""`classify`: which of some labels fits each stretch of a video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videobert.pipeline.label_evidence import label_evidence
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import check_top
from videobert.pipeline.request import Request
from videobert.pipeline.scorer_choice import origin_of_scores, scorer_for
from videobert.pipeline.watched import watch
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
    with_evidence: bool,
    request: Request,
) -> Classification:
    """See `Runtime.classify`."""
    top = check_top(top)
    scorer = scorer_for(opened, labels, templates, question, prior_strength)
    size = window_size(opened, scorer.longest, window_clips)
    watched = watch(opened, video, request)
    parts = windows(watched, size)
    scored = scorer.score(parts, request.cancel)
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
                unsure=not sure,
                evidence=label_evidence(watched, part, scorer, row, request.cancel) if with_evidence else (),
            )
            for part, row, sure in zip(parts, scored.log_scores, scored.sure, strict=True)
        ),
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=origin_of_scores(opened, watched.origin, question, own_labels=labels is not None),
        unknown_words=scorer.unknown_words,
    )
