"""The statistics of the evaluation: proportions with confidence intervals and the area under a ROC curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_Z = 1.959964  # two-sided 95 %


def proportion(right: Sequence[bool]) -> dict[str, object]:
    """Share of `True`, its number of cases and its Wilson interval at 95 %."""
    n, share = len(right), sum(right) / len(right)
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return {"value": round(share, 4), "n": n, "ci95": [round(centre - half, 4), round(centre + half, 4)]}


def area(positive: Sequence[float], negative: Sequence[float], seed: int = 0) -> dict[str, object]:
    """Chance that a positive scores above a negative (ties count half), with a bootstrap interval at 95 %."""
    rng = np.random.default_rng(seed)
    high, low = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    draws = [_area(rng.choice(high, len(high)), rng.choice(low, len(low))) for _ in range(500)]
    return {
        "value": round(_area(high, low), 4),
        "n": [len(high), len(low)],
        "ci95": [round(float(v), 4) for v in np.quantile(draws, (0.025, 0.975))],
    }


def _area(high: npt.NDArray[np.float64], low: npt.NDArray[np.float64]) -> float:
    ordered = np.sort(low)
    below, not_above = np.searchsorted(ordered, high, "left"), np.searchsorted(ordered, high, "right")
    return float((below + not_above).mean() / 2 / len(low))
