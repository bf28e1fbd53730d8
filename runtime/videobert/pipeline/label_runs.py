"""Runs of clips that say the same: smoothed over neighbours in a shot, and joined where one ends as the next begins.

Nothing here knows what labels are: a clip says a number, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def extended(
    labels: Sequence[int], scores: Sequence[float], stands: Sequence[bool], near: Sequence[bool], least: float
) -> list[int | None]:
    """What the clips of a shot say: those that stand, and from them on neighbours that come near.

    A run takes in a neighbour of the same label, first before it and then behind, as long as the mean of all of them
    stays at `least`: a second threshold, as edge detectors have one, so that one dull clip does not part what goes on.

    Args:
        labels: the likeliest label of each clip, that of its neighbours heard.
        scores: its probability.
        stands, near: whether the clip alone is enough, and whether it is beside one that stands.
    """
    said: list[int | None] = [label if stood else None for label, stood in zip(labels, stands, strict=True)]
    place = 0
    while place < len(said):
        label = said[place]
        if label is None:
            place += 1
            continue
        first = last = place
        while last + 1 < len(said) and said[last + 1] == label:
            last += 1
        for step in (-1, 1):
            while True:
                beside = first - 1 if step < 0 else last + 1
                if not 0 <= beside < len(said) or labels[beside] != label:
                    break
                taken = scores[min(first, beside) : max(last, beside) + 1]
                if said[beside] is None and (not near[beside] or sum(taken) < least * len(taken)):
                    break
                said[beside] = label
                first, last = min(first, beside), max(last, beside)
        place = last + 1
    return said


def without_gaps(said: Sequence[Said], start_s: float, end_s: float, longest_gap_s: float) -> list[Said]:
    """Clips in time order, and for each gap among them that lasts longer than that a stretch which says nothing."""
    found: list[Said] = []
    before_s = start_s
    for clip in said:
        if clip.start_s - before_s > longest_gap_s:
            found.append(Said(before_s, clip.start_s, None))
        found.append(clip)
        before_s = clip.end_s
    if end_s - before_s > longest_gap_s:
        found.append(Said(before_s, end_s, None))
    return found


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
