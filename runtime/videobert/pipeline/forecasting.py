"""Which visual tokens come so many clips ahead: read at once, or by following the likeliest ways step by step."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.families.family import Forecasts, ForecastsAhead
from videobert.families.log_softmax import log_softmax

# Ways that are followed at a time, the likeliest; with few visual tokens that is all of them for some steps.
_MOST_WAYS = 32

Tokens = npt.NDArray[np.integer]


class Ahead(NamedTuple):
    """What may come at one time.

    Args:
        log_probs: float64 `(visual_tokens,)`, normalised.
        covered: share of the probability of all ways there that was followed, 0 to 1.
    """

    log_probs: npt.NDArray[np.float64]
    covered: float


def ahead_of(family: Forecasts, past: Tokens, steps: Sequence[int], cancel: Event | None = None) -> list[Ahead]:
    """What comes so many clips behind a past.

    Args:
        family: of a model that forecasts.
        past: int `(n,)` visual tokens, one at least.
        steps: rising, 1 being the next clip.

    Raises:
        LimitExceeded: past and steps are more than the model's positions hold.
    """
    if isinstance(family, ForecastsAhead):
        rows = family.ahead_log_probs(None, past, steps, cancel)
        return [Ahead(row.astype(np.float64), 1.0) for row in rows]
    return _step_by_step(family, past, steps, cancel)


def _step_by_step(family: Forecasts, past: Tokens, steps: Sequence[int], cancel: Event | None) -> list[Ahead]:
    """A beam over the tokens between: at each step the mean over the ways there, weighted by their probabilities."""
    ways = np.asarray(past, np.int64)[None]
    weights, covered = np.zeros(1), 1.0
    found: list[Ahead] = []
    for step in range(1, max(steps) + 1):
        joint = weights[:, None] + family.next_log_probs(None, list(ways), cancel).astype(np.float64)
        if step in steps:
            found.append(Ahead(log_softmax(np.logaddexp.reduce(joint, axis=0)[None])[0].astype(np.float64), covered))
        likeliest = np.argsort(-joint, axis=None, kind="stable")[:_MOST_WAYS]
        way, token = np.unravel_index(likeliest, joint.shape)
        ways = np.concatenate([ways[way], token[:, None]], axis=1)
        kept = joint[way, token]
        total = float(np.logaddexp.reduce(kept))
        # What is followed stands for all of it from here on.
        weights, covered = kept - total, covered * min(1.0, float(np.exp(total)))
    return found
