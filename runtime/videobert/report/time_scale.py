"""Times of a report as places across a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from videobert.results.run import ReportSegment

_TICKS = 10
_TICK_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


class TimeScale:
    """Times as percentages of the width."""

    def __init__(self, segments: Sequence[ReportSegment]) -> None:
        self.start_s = min(segment.start_s for segment in segments)
        self.end_s = max(segment.end_s for segment in segments)
        self.length_s = max(self.end_s - self.start_s, 1e-9)

    def share(self, time_s: float) -> float:
        """0 at the beginning, 1 at the end."""
        return (time_s - self.start_s) / self.length_s

    def place(self, start_s: float, end_s: float) -> str:
        """CSS of a stretch: where it begins, and how long it is."""
        return f"left:{100 * self.share(start_s):.3f}%;width:{100 * (end_s - start_s) / self.length_s:.3f}%"

    def ticks(self) -> Iterator[float]:
        """Round times, at most some ten."""
        step_s = next((step for step in _TICK_STEPS_S if self.length_s / step <= _TICKS), self.length_s / _TICKS)
        first = math.ceil(self.start_s / step_s - 1e-9)
        for number in range(first, math.floor(self.end_s / step_s + 1e-9) + 1):
            yield number * step_s
