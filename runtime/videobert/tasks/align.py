"""`align`: does this text belong to this video?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from videobert.pipeline.evidence import evidence
from videobert.pipeline.fitting import clips_of
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.watched import watch
from videobert.pipeline.windows import Window, clips_heard, window_size, windows
from videobert.results.align import AlignedWindow, Alignment
from videobert.results.evidence import Evidence


def align(
    opened: OpenedModel, video: Any, text: str, window_clips: int | None, with_evidence: bool, request: Request
) -> Alignment:
    """See `Runtime.align`."""
    family = opened.aligns
    read = read_text(opened, text)
    size = window_size(opened, len(read.pieces), window_clips)
    watched = watch(opened, video, request)
    parts = windows(watched, size)
    compares = opened.compares
    if compares is None:
        similar, log_odds = None, family.log_odds(read.pieces, parts, request.cancel)
    else:
        # What a model that only compares does that by.
        similar = compares.similarity(read.pieces, parts, request.cancel)
        log_odds = compares.as_log_odds(similar)
    scores = _sigmoid(log_odds.astype(np.float64))

    def score(groups: Sequence[Sequence[int]]) -> Any:
        clips = [clips_of(watched, each) for each in groups]
        if compares is None:
            return _sigmoid(family.log_odds(read.pieces, clips, request.cancel).astype(np.float64))
        return compares.similarity(read.pieces, clips, request.cancel)

    def rests_on(part: Window) -> tuple[Evidence, ...]:
        clips = range(part.start, min(part.stop, clips_heard(watched)))
        # A clip alone is held against even odds, or against no likeness at all.
        return evidence(watched.clips, clips, score, without_any=0.5 if compares is None else 0.0)

    return Alignment(
        text=text,
        score=float(_sigmoid(log_odds.mean(dtype=np.float64))),
        windows=tuple(
            AlignedWindow(
                start_s=part.start_s,
                end_s=part.end_s,
                score=float(scores[at]),
                similarity=None if similar is None else float(similar[at]),
                evidence=rests_on(part) if with_evidence else (),
            )
            for at, part in enumerate(parts)
        ),
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, "aligns", text=True, video=True),
        unknown_words=read.unknown_words,
        similarity=None if similar is None else float(similar.mean(dtype=np.float64)),
    )


def _sigmoid(log_odds: Any) -> Any:
    return np.exp(-np.logaddexp(0.0, -log_odds))
