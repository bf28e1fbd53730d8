"""How far two answers about one video are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from videobert.results.embed import Embedding
from videobert.results.run import Report, ReportSegment
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures


def agreement(a: Any, b: Any) -> float | None:
    """A share from 0 to 1: of equal tokens; of time in which every question has the same first answer; or a cosine.

    None where the two cannot be compared, such as tokens at other strides.
    """
    if isinstance(a, VisualTokens) and isinstance(b, VisualTokens):
        return None if len(a) != len(b) else float(np.mean(a.ids == b.ids))
    if isinstance(a, VideoFeatures) and isinstance(b, VideoFeatures):
        return (
            None
            if len(a) != len(b)
            else float(np.mean([cosine(x, y) for x, y in zip(a.features, b.features, strict=True)]))
        )
    if isinstance(a, Embedding) and isinstance(b, Embedding):
        return cosine(a.vector, b.vector)
    if isinstance(a, Report) and isinstance(b, Report):
        return same_time(a.segments, b.segments)
    return None


def cosine(a: Any, b: Any) -> float:
    """Of two vectors; 1 where one has no length."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    length = float(np.linalg.norm(x) * np.linalg.norm(y))
    return 1.0 if length == 0 else float(x @ y / length)


def _said(segment: ReportSegment) -> dict[str, str | None]:
    return {
        name: None if name in segment.unsure else candidates[0].text for name, candidates in segment.answers.items()
    }


def same_time(a: Sequence[ReportSegment], b: Sequence[ReportSegment]) -> float | None:
    """Share of the time that both cover in which both say the same."""
    same = both = 0.0
    place = 0
    for mine in a:
        while place < len(b) and b[place].end_s <= mine.start_s:
            place += 1
        for theirs in b[place:]:
            if theirs.start_s >= mine.end_s:
                break
            length = min(mine.end_s, theirs.end_s) - max(mine.start_s, theirs.start_s)
            both += length
            same += length * (_said(mine) == _said(theirs) if mine.answers else mine.tokens == theirs.tokens)
    return same / both if both else None
