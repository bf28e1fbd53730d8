"""What many times say together: percentiles, and whether one of two is really slower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from videobert.results.bench import Spread

Verdict = Literal["faster", "slower", "same", "unsure"]
_RESAMPLES = 2000
# An interval that leaves this much on either side of 1 open says neither "same" nor "other".
_SAME_WITHIN = 0.05


def spread_of(times_s: Sequence[float]) -> Spread:
    """Percentiles of times, in seconds; of at least one."""
    found = np.percentile(np.asarray(times_s, np.float64), (25, 50, 75, 90, 95, 99))
    p25, p50, p75, p90, p95, p99 = (float(value) for value in found)
    mean = float(np.mean(np.asarray(times_s, np.float64)))
    return Spread(count=len(times_s), mean=mean, p25=p25, p50=p50, p75=p75, p90=p90, p95=p95, p99=p99)


class Ratio(NamedTuple):
    """How many times as long B takes as A.

    Args:
        median: of the pairs' ratios, or of the medians where there are no pairs.
        low, high: an interval that holds it with 99 %, by resampling.
        pairs: how many there were.
    """

    median: float
    low: float
    high: float
    pairs: int


def paired_ratio(a_s: Sequence[float], b_s: Sequence[float], *, seed: int = 0) -> Ratio:
    """Of times that were taken in turns: whatever disturbs one pair disturbs both of it.

    Args:
        a_s, b_s: as many of each, at least one.
    """
    ratios = np.asarray(b_s, np.float64) / np.asarray(a_s, np.float64)
    rng = np.random.default_rng(seed)
    drawn = np.median(ratios[rng.integers(0, len(ratios), (_RESAMPLES, len(ratios)))], axis=1)
    return _ratio(float(np.median(ratios)), drawn, len(ratios))


def ratio_of_medians(a_s: Sequence[float], b_s: Sequence[float], *, seed: int = 0) -> Ratio:
    """Of times that were taken apart, such as those of two saved results."""
    rng = np.random.default_rng(seed)
    a, b = np.asarray(a_s, np.float64), np.asarray(b_s, np.float64)
    drawn = np.median(b[rng.integers(0, len(b), (_RESAMPLES, len(b)))], axis=1) / np.median(
        a[rng.integers(0, len(a), (_RESAMPLES, len(a)))], axis=1
    )
    return _ratio(float(np.median(b) / np.median(a)), drawn, min(len(a), len(b)))


def verdict(ratio: Ratio) -> Verdict:
    """What a ratio says of B: slower or faster if the interval leaves 1 out and the median is off by 5 % or more."""
    if ratio.low > 1 and ratio.median >= 1 + _SAME_WITHIN:
        return "slower"
    if ratio.high < 1 and ratio.median <= 1 / (1 + _SAME_WITHIN):
        return "faster"
    if ratio.low > 1 / (1 + _SAME_WITHIN) ** 2 and ratio.high < (1 + _SAME_WITHIN) ** 2:
        return "same"
    return "unsure"


def _ratio(median: float, drawn: np.ndarray, pairs: int) -> Ratio:
    low, high = np.percentile(drawn, (0.5, 99.5))
    return Ratio(median, float(low), float(high), pairs)
