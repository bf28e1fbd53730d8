"""Shares of equal things with their intervals: tokens, nearest centroids, answers over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from videobert.results.compare import Share
from videobert.results.run import ReportSegment

_TOP: Final = 5
# Of a normal distribution, two-sided 95 %.
_Z: Final = 1.959963984540054


def share_of(equal: float, count: int, of: Literal["tokens", "clips", "segments"]) -> Share:
    """With Wilson's interval (E. B. Wilson, Probable inference, 1927).

    Args:
        equal: how many of the things; a fraction where they have weights.
        count: at least 1.
        of: what they are.
    """
    share = equal / count
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / (1 + _Z**2 / count)
    low, high = max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
    return Share(share=share, low=low, high=high, count=count, of=of)


def equal_tokens(a: Sequence[int], b: Sequence[int]) -> Share | None:
    """None where there are none, or not as many of each."""
    if not a or len(a) != len(b):
        return None
    return share_of(sum(one == other for one, other in zip(a, b, strict=True)), len(a), "tokens")


def equal_nearest(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], leaves: npt.NDArray[np.float32]
) -> tuple[Share, Share]:
    """Of pairs of features: the same nearest centroid, and the overlap of the five nearest.

    Args:
        a, b: `(n, dim)`, n at least 1.
        leaves: `(count, dim)`, or of lifted ones `(count, dim + 1)`, see `Codebook`.
    """
    most = min(_TOP, len(leaves))
    one, other = (_nearest(each, leaves, most) for each in (a, b))
    same = float(np.sum(one[:, 0] == other[:, 0]))
    overlap = sum(len(set(x) & set(y)) / most for x, y in zip(one.tolist(), other.tolist(), strict=True))
    return share_of(same, len(a), "clips"), share_of(overlap, len(a), "clips")


def _nearest(features: npt.NDArray[np.float32], leaves: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.int64]:
    """The numbers of the nearest leaves, `(n, most)`, nearest first, in float64."""
    wide, rows = leaves.astype(np.float64), features.astype(np.float64)
    lengths = np.sum(wide * wide, axis=1)
    # Where leaves are lifted, a feature has zero in their last column.
    across = wide[:, : rows.shape[1]]
    return np.stack([np.argsort(lengths - 2 * (across @ row), kind="stable")[:most] for row in rows])


def equal_answers(a: Sequence[ReportSegment], b: Sequence[ReportSegment]) -> tuple[Share | None, Share | None]:
    """Of the time that both cover: where every question has the same first answer, and the overlap of the best five.

    None without questions, or where the two cover no common time.
    """
    same = overlap = both = 0.0
    for mine in a:
        for theirs in b:
            length = min(mine.end_s, theirs.end_s) - max(mine.start_s, theirs.start_s)
            questions = mine.answers.keys() & theirs.answers.keys()
            if length <= 0 or not questions:
                continue
            both += length
            same += length * all(_first(mine, name) == _first(theirs, name) for name in questions)
            overlap += length * _overlap(mine.answers, theirs.answers, sorted(questions))
    if not both:
        return None, None
    count = len(a)
    return share_of(count * same / both, count, "segments"), share_of(count * overlap / both, count, "segments")


def _first(segment: ReportSegment, question: str) -> str | None:
    candidates = segment.answers[question]
    return None if question in segment.unsure or not candidates else candidates[0].text


def _overlap(a: Mapping[str, Sequence[Any]], b: Mapping[str, Sequence[Any]], questions: Sequence[str]) -> float:
    shares = []
    for name in questions:
        one, other = ({each.text for each in side[name][:_TOP]} for side in (a, b))
        most = max(len(one), len(other))
        shares.append(len(one & other) / most if most else 1.0)
    return sum(shares) / len(shares)
