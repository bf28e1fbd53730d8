"""Where in a video something fits best: a value for each of its spans, joined to stretches of any length.

From the best span that is left a stretch grows as long as what it takes in lies above a level on the whole; several
levels, and whole shots, give stretches of several scales, each is judged as a whole, and the one that stands highest
and longest above half of the peak is the hit. What it covers, and its slopes, are left out of what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.pipeline.spans import Span, Told, told

# Parts of the way from the base to the peak.
_LEVELS = (0.75, 0.5, 0.25)
_HALF = 0.5

Values = npt.NDArray[np.float64]


class Judged(NamedTuple):
    """What is said of stretches: float64 `(n,)`, and bool `(n,)`, whether it can be relied on."""

    values: Values
    sure: npt.NDArray[np.bool_]


# Judges stretches, each given by the numbers of its clips, rising.
Judge = Callable[[Sequence[Sequence[int]]], Judged]


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of neighbouring spans, `first` to `last`.

    Args:
        clips: those that tell what it shows, rising.
        value: of the stretch as a whole.
        peak: of its best span alone.
        height: how far that is from the base (0) to the best span's value (1).
    """

    first: int
    last: int
    start_s: float
    end_s: float
    clips: tuple[int, ...]
    value: float
    peak: float
    height: float
    sure: bool


def find(spans: Sequence[Span], judge: Judge, most: int, *, base: float | None) -> list[Found]:
    """The stretches with the highest values, best first, none over another.

    Args:
        spans: of the whole video.
        judge: gives the values.
        most: stretches, at most.
        base: only values above it count. None where no such value is known: then it is the median over the spans, the
            best stretch is always found, and others are if they rise half as high.
    """
    clips = sorted({clip for span in spans for clip in span.told_by})
    alone = dict(zip(clips, judge([[clip] for clip in clips]).values.tolist(), strict=True))
    middle = float(np.median(list(alone.values()))) if base is None else base
    search = _Search(spans, told(spans, alone, middle), judge, middle)
    found: list[Found] = []
    least = search.base if base is not None else -np.inf
    while len(found) < most:
        peak = search.peak()
        if peak is None or search.values[peak] <= least:
            break
        if base is None and not found:
            least = search.base + _HALF * (search.values[peak] - search.base)
        found.append(search.around(peak))
    return sorted(found, key=lambda each: (-each.value, each.start_s))


class _Search:
    def __init__(self, spans: Sequence[Span], tellers: Sequence[Told], judge: Judge, base: float) -> None:
        self.base = base
        self.values = np.array([each.value for each in tellers])
        self._spans, self._tellers, self._judge = spans, [each.clip for each in tellers], judge
        self._lengths = np.array([span.length_s for span in spans])
        self._free = np.ones(len(spans), np.bool_)
        self._highest = float(self.values.max()) - base

    def peak(self) -> int | None:
        """The best span that is left."""
        if not self._free.any():
            return None
        return int(np.where(self._free, self.values, -np.inf).argmax())

    def around(self, peak: int) -> Found:
        """The stretch around a span; it and its slopes are taken."""
        height = float(self.values[peak]) - self.base
        ranges = {(peak, peak): None}
        for level in _LEVELS:
            grown = self._grown(peak, self.base + level * height)
            ranges[grown] = None
            ranges[self._whole_shots(*grown)] = None
        tried = list(ranges)
        judged, means = self._judge([self._clips(*each) for each in tried]), self._means(tried)
        lengths = [self._spans[last].end_s - self._spans[first].start_s for first, last in tried]
        above = (means - (self.base + _HALF * height)) * np.array(lengths)
        best = int(above.argmax())
        first, last = tried[best]
        self._take(first, last)
        value = float(judged.values[best])
        return Found(
            first=first,
            last=last,
            start_s=self._spans[first].start_s,
            end_s=self._spans[last].end_s,
            clips=tuple(self._clips(first, last)),
            value=value,
            peak=float(self.values[peak]),
            height=min(1.0, max(0.0, (value - self.base) / self._highest)) if self._highest > 0 else 1.0,
            sure=bool(judged.sure[best]),
        )

    def _clips(self, first: int, last: int) -> list[int]:
        return sorted(set(self._tellers[first : last + 1]))

    def _means(self, ranges: Sequence[tuple[int, int]]) -> Values:
        """The mean over the shots of each stretch: within a shot clips are judged together, across cuts they are not.

        Unlike scenes together may be like a text that is like one of them.
        """
        parts: dict[tuple[int, ...], int] = {}
        rows = []
        for first, last in ranges:
            row: dict[int, float] = {}
            for _, places in groupby(range(first, last + 1), lambda at: self._spans[at].shot):
                inside = list(places)
                part = parts.setdefault(tuple(self._clips(inside[0], inside[-1])), len(parts))
                row[part] = row.get(part, 0.0) + float(self._lengths[inside].sum())
            rows.append(row)
        values = self._judge(list(parts)).values
        return np.array([sum(values[part] * s for part, s in row.items()) / sum(row.values()) for row in rows])

    def _grown(self, peak: int, level: float) -> tuple[int, int]:
        """The stretch around a span whose sum of what is above the level, less what is below it, is the highest."""
        first, last = self._room(peak)
        above = (self.values - level) * self._lengths
        left = np.cumsum(above[first : peak + 1][::-1])
        right = np.cumsum(above[peak : last + 1])
        return peak - int(left.argmax()), peak + int(right.argmax())

    def _whole_shots(self, first: int, last: int) -> tuple[int, int]:
        """The stretch with the rest of the shots that it has more than half of, as far as that is free."""
        lowest, highest = self._room(first)
        for edge in (first, last):
            shot = [at for at in range(lowest, highest + 1) if self._spans[at].shot == self._spans[edge].shot]
            inside = [at for at in shot if first <= at <= last]
            if 2 * self._lengths[inside].sum() > self._lengths[shot].sum():
                first, last = min(first, shot[0]), max(last, shot[-1])
        return first, last

    def _room(self, place: int) -> tuple[int, int]:
        """The free spans around one that is free."""
        taken = np.flatnonzero(~self._free)
        at = int(np.searchsorted(taken, place))
        return (int(taken[at - 1]) + 1 if at else 0), (int(taken[at]) - 1 if at < len(taken) else len(self._free) - 1)

    def _take(self, first: int, last: int) -> None:
        """A stretch, and the slopes on its sides: what falls off from it within its shot, down to the base."""
        for edge, step in ((first, -1), (last, 1)):
            at = edge + step
            while 0 <= at < len(self._spans) and self._is_slope(at, at - step):
                self._free[at] = False
                at += step
        self._free[first : last + 1] = False

    def _is_slope(self, at: int, before: int) -> bool:
        lower = self.base < self.values[at] <= self.values[before]
        return bool(self._free[at] and lower and self._spans[at].shot == self._spans[before].shot)
