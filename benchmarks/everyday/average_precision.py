"""Mean average precision of stretches of time, as the challenges of temporal localisation count it; in plain Python.

Detections of a label are taken by falling score. One is right if it overlaps a true stretch of its film and label, that
no earlier one has taken, by at least so much of their union; else it is wrong. Average precision is the area below the
curve of precision over recall, each precision raised to the best at its recall or a higher one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Stretch(NamedTuple):
    """A stretch of time of a film that has a label: a true one, or one that was found, with its score."""

    film: str
    label: str
    start_s: float
    end_s: float
    score: float = 1.0


def overlap_of_union(one: Stretch, other: Stretch) -> float:
    """How much of the time that either covers both cover, 0 to 1."""
    both = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    if both <= 0:
        return 0.0
    return both / (one.end_s - one.start_s + other.end_s - other.start_s - both)


def average_precision(found: Iterable[Stretch], true: Sequence[Stretch], least: float) -> float:
    """Of one label; there is one true stretch at least.

    Args:
        least: overlap of the union, from which a detection is right.
    """
    taken: set[int] = set()
    right = 0
    curve: list[tuple[float, float]] = []
    for number, one in enumerate(sorted(found, key=lambda each: -each.score), 1):
        free = [place for place, other in enumerate(true) if place not in taken and other.film == one.film]
        best = max(free, key=lambda place: overlap_of_union(one, true[place]), default=None)
        if best is not None and overlap_of_union(one, true[best]) >= least:
            taken.add(best)
            right += 1
        curve.append((right / len(true), right / number))
    area, before = 0.0, 0.0
    for place, (recall, _) in enumerate(curve):
        area += (recall - before) * max(precision for _, precision in curve[place:])
        before = recall
    return area


def by_label(found: Sequence[Stretch], true: Sequence[Stretch], least: float = 0.5) -> dict[str, float]:
    """The average precision of every label that has a true stretch."""
    return {
        label: average_precision(
            [each for each in found if each.label == label], [each for each in true if each.label == label], least
        )
        for label in sorted({each.label for each in true})
    }


def mean(values: dict[str, float]) -> float:
    """The mean over labels."""
    return sum(values.values()) / len(values)
