"""What an answer's logits say of themselves, and how well a number of that kind separates two heaps of windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]


def energy(logits: Rows, temperature: float = 1.0) -> Rows:
    """Temperature times the log-sum-exp of logits over temperature, a row each (arXiv 2010.03759)."""
    scaled = logits / temperature
    highest = scaled.max(axis=1)
    return temperature * (highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1)))


def probabilities(logits: Rows, temperature: float = 1.0) -> Rows:
    """Softmax of logits over temperature."""
    return np.exp(logits / temperature - energy(logits / temperature)[:, None])


def margin(logits: Rows) -> Rows:
    """By how much the first logit exceeds the second."""
    ordered = np.sort(logits, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def energy_with_neighbour(logits: Rows) -> Rows:
    """Energy of the mean logits of each window of a film with the one before or behind it, whichever is higher."""
    if len(logits) == 1:
        return energy(logits)
    pairs = energy((logits[:-1] + logits[1:]) / 2)
    return np.maximum(np.append(pairs, -np.inf), np.insert(pairs, 0, -np.inf))


SIGNALS: dict[str, Callable[[Rows], Rows]] = {
    "energy": energy,
    "energy at temperature 4": lambda logits: energy(logits, 4),
    "highest logit": lambda logits: logits.max(axis=1),
    "probability": lambda logits: probabilities(logits).max(axis=1),
    "probability at temperature 2": lambda logits: probabilities(logits, 2).max(axis=1),
    "probability at temperature 4": lambda logits: probabilities(logits, 4).max(axis=1),
    "margin of logits": margin,
}


def auroc(wanted: Rows, others: Rows) -> float:
    """Area under the receiver operating characteristic: how often a wanted one is above another; ties count half."""
    above = (wanted[:, None] > others).mean()
    return float(above + 0.5 * (wanted[:, None] == others).mean())
