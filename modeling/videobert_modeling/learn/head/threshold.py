"""Below which energy a head is unsure."""

from __future__ import annotations

import numpy as np

from videobert_modeling.learn.head.cross_validation import HeldOut, Labelled
from videobert_modeling.learn.head.linear_head import Rows

_KEPT = 0.95


def energy_of(logits: Rows) -> Rows:
    """log-sum-exp of logits `(n, labels)`: low where no label fits (arXiv 2010.03759, section 3)."""
    most = logits.max(axis=1)
    energy: Rows = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
    return energy


def threshold_of(labelled: Labelled, held: HeldOut) -> float | None:
    """The energy that 95 % of the clips of rightly answered held-out stretches reach; None if there are none."""
    answers = held.probabilities.argmax(axis=1) if held.clips else ()
    energies = [
        energy_of(clips)
        for number, clips, answer in zip(held.measured, held.clips, answers, strict=True)
        if answer == labelled.targets[number]
    ]
    return float(np.quantile(np.concatenate(energies), 1 - _KEPT)) if energies else None
