"""One result for what is one moment: touching stretches of a shot are joined or left out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

# Stretches nearer than this touch.
_TOUCHING_S = 0.05


class Scored(NamedTuple):
    """A stretch with what it is ordered by.

    Args:
        video, shot: numbers; only stretches of one shot are one moment.
        value: higher is better.
    """

    row: int
    video: int
    shot: int
    start_s: float
    end_s: float
    value: float


@dataclass(slots=True)
class Moment:
    """A result: the stretch that is best in it, and from when to when those like it go on."""

    best: Scored
    start_s: float
    end_s: float

    def touches(self, other: Scored | Moment) -> bool:
        """Whether they overlap or follow each other in one shot."""
        best = other.best if isinstance(other, Moment) else other
        near = other.start_s <= self.end_s + _TOUCHING_S and other.end_s >= self.start_s - _TOUCHING_S
        return near and (best.video, best.shot) == (self.best.video, self.best.shot)

    def take(self, other: Scored | Moment) -> None:
        """Go on over another one."""
        self.start_s, self.end_s = min(self.start_s, other.start_s), max(self.end_s, other.end_s)


def moments(scored: Iterable[Scored], top: int, within: float, least: float = -math.inf) -> list[Moment]:
    """The best moments, best first.

    A stretch that touches a better one joins it where it is worse by `within` at most, and else is left out: it is the
    weaker edge of the same moment.

    Args:
        top: at most so many.
        least: what a stretch is worth at least to join another: of what does not fit, none is a moment.
    """
    found: list[Moment] = []
    for each in sorted(scored, key=lambda one: -one.value):
        home = next((moment for moment in found if moment.touches(each)), None)
        if home is None:
            found.append(Moment(each, each.start_s, each.end_s))
        elif each.value >= max(least, home.best.value - within):
            home.take(each)
            _join(found, home)
    return found[:top]


def _join(found: list[Moment], home: Moment) -> None:
    """Moments that a bridge between them makes one go to the best of them."""
    while other := next((one for one in found if one is not home and one.touches(home)), None):
        first, second = sorted((home, other), key=lambda one: -one.best.value)
        first.take(second)
        found[:] = [one for one in found if one is not second]
        home = first
