"""Logits of a classifier as probabilities, and whether it stands to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.model.questions import AbstainConfig

# A stretch is sure where this share of its clips is.
SHARE_OF_SURE_CLIPS = 0.5


class Judged(NamedTuple):
    """What a classifier says of some clips.

    Args:
        probabilities: float64 `(n, labels)`, each row of sum one.
        sure: bool `(n,)`; where it is False, the answer is left open.
    """

    probabilities: npt.NDArray[np.float64]
    sure: npt.NDArray[np.bool_]


def judged(logits: npt.NDArray[np.floating], abstain: AbstainConfig | None) -> Judged:
    """Probabilities of logits `(n, labels)`.

    The energy of a row is the log-sum-exp of its logits before they are divided by the temperature: on what the
    classifier was never shown it is lower, where a probability may be near one all the same (arXiv 2010.03759).

    Args:
        abstain: temperature and thresholds; None leaves the logits as they are, and nothing open.
    """
    rows = logits.astype(np.float64)
    rules = abstain or AbstainConfig()
    highest = rows.max(axis=1, keepdims=True)
    scaled = np.exp((rows - highest) / rules.temperature)
    probabilities = scaled / scaled.sum(axis=1, keepdims=True)
    sure = np.ones(len(rows), np.bool_)
    if rules.energy_at_least is not None:
        sure &= energy(rows) >= rules.energy_at_least
    if rules.probability_at_least is not None:
        sure &= probabilities.max(axis=1) >= rules.probability_at_least
    return Judged(probabilities, sure)


def energy(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Log-sum-exp of logits `(…, labels)`, float64 `(…,)`."""
    rows = logits.astype(np.float64)
    highest = rows.max(axis=-1, keepdims=True)
    found: npt.NDArray[np.float64] = highest[..., 0] + np.log(np.exp(rows - highest).sum(axis=-1))
    return found
