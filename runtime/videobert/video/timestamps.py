"""From the times that a stream states to times that can be trusted: one per frame, strictly increasing."""

from __future__ import annotations

import heapq
from fractions import Fraction

# A frame this much before its predecessor means that the stream's clock was restarted; less is a frame out of order.
RESTART_S = Fraction(1)


class PresentationClock:
    """Gives each frame, in the order of output, its presentation time in seconds.

    - A frame without a time follows its predecessor after that one's duration (raw streams have no times at all).
    - A frame that is not later than its predecessor is left out.
    - A jump back by more than a second is a restarted clock (joined recordings): time goes on from the predecessor.

    Args:
        nominal: duration in seconds of a frame that does not state one.
    """

    def __init__(self, nominal: Fraction) -> None:
        self._nominal = nominal
        self._shift = Fraction(0)
        self._last: Fraction | None = None
        self._last_duration = nominal
        self.estimated = 0
        self.left_out = 0
        self.restarts = 0

    def stamp(self, time: Fraction | None, duration: Fraction | None) -> Fraction | None:
        """The time of the next frame, or None if it is to be left out."""
        stated = duration if duration is not None and duration > 0 else None
        if self._last is None:
            if time is None:
                self.estimated += 1
                time = Fraction(0)
            return self._accept(time, stated)
        due = self._last + self._last_duration
        if time is None:
            self.estimated += 1
            return self._accept(due, stated)
        time += self._shift
        if time <= self._last:
            if self._last - time < RESTART_S:
                self.left_out += 1
                return None
            self.restarts += 1
            self._shift += due - time
            time = due
        return self._accept(time, stated)

    @property
    def end(self) -> Fraction | None:
        """When the last frame leaves the screen; None before the first."""
        return None if self._last is None else self._last + self._last_duration

    def _accept(self, time: Fraction, stated: Fraction | None) -> Fraction:
        self._last, self._last_duration = time, stated or self._nominal
        return time


class DecodeOrderTimes:
    """Presentation times for containers that store decoding times only, AVI above all.

    Frames leave the decoder in presentation order and both kinds of time run through the same set of values,
    so the n-th frame shown has the n-th smallest time that was read.
    """

    def __init__(self) -> None:
        self._pending: list[int] = []

    def read(self, ticks: int | None) -> None:
        """Note the decoding time of a packet."""
        if ticks is not None:
            heapq.heappush(self._pending, ticks)

    def show(self) -> int | None:
        """The time of the next frame, or None if no packet stated one."""
        return heapq.heappop(self._pending) if self._pending else None

    # A packet that gives no frame takes its time with it.
    lose = show
