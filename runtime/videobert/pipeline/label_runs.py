"""Runs of clips that say the same: smoothed over neighbours in a shot, and joined where one ends as the next begins.

Nothing here knows what labels are: a clip says a number, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]

# What it costs, in nats, that the label changes inside a shot: a clip that differs from both of its neighbours stands
# if it is 400 times as likely, and an even chance goes with them.
SWITCH_COST = 3.0


class Said(NamedTuple):
    """What one clip says, and for how long: a label's place, or None where nothing is stood to."""

    start_s: float
    end_s: float
    label: int | None
    score: float = 0.0


class Run(NamedTuple):
    """Neighbouring clips that say the same; `score` is their mean, each weighed by its time."""

    start_s: float
    end_s: float
    label: int | None
    score: float


def best_path(log_scores: Rows, switch_cost: float = SWITCH_COST) -> npt.NDArray[np.int64]:
    """The labels of neighbouring clips that are likeliest together, int64 `(clips,)`, by the algorithm of Viterbi.

    Args:
        log_scores: `(clips, labels)`, log-probabilities; minus infinity is allowed.
        switch_cost: taken off for each change from one clip to the next.
    """
    rows = np.maximum(log_scores, -1e3)
    total = rows[0].copy()
    came_from = np.zeros(rows.shape, np.int64)
    labels = np.arange(rows.shape[1])
    for clip in range(1, len(rows)):
        best = int(total.argmax())
        stays = total >= total[best] - switch_cost
        came_from[clip] = np.where(stays, labels, best)
        total = np.where(stays, total, total[best] - switch_cost) + rows[clip]
    path = np.empty(len(rows), np.int64)
    path[-1] = total.argmax()
    for clip in range(len(rows) - 1, 0, -1):
        path[clip - 1] = came_from[clip, path[clip]]
    return path


def without_holes(labels: Sequence[int | None], may_be: Sequence[Iterable[int]]) -> list[int | None]:
    """What clips of a shot say, a single one that says nothing taken for what both of its neighbours say.

    Args:
        may_be: for each clip the labels that it may be taken for.
    """
    filled = list(labels)
    for place in range(1, len(labels) - 1):
        around = labels[place - 1]
        if labels[place] is None and around is not None and around == labels[place + 1] and around in may_be[place]:
            filled[place] = around
    return filled


def runs(said: Sequence[Said], longest_gap_s: float) -> list[Run]:
    """Clips in time order as runs; a gap between clips that say the same, up to `longest_gap_s`, is passed over."""
    found: list[Run] = []
    weights: list[float] = []
    for clip in said:
        lasts = clip.end_s - clip.start_s
        before = found[-1] if found else None
        if before is not None and before.label == clip.label and clip.start_s - before.end_s <= longest_gap_s:
            weight = weights[-1] + lasts
            score = (before.score * weights[-1] + clip.score * lasts) / weight if weight else clip.score
            found[-1], weights[-1] = Run(before.start_s, clip.end_s, before.label, score), weight
        else:
            found.append(Run(*clip))
            weights.append(lasts)
    return found
