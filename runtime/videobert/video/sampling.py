"""Which frame stands for which sampling time: exact arithmetic on presentation times, no pictures."""

from __future__ import annotations

from fractions import Fraction
from math import ceil


class SampleGrid:
    """The grid of sampling times of a recipe, and the frame on screen at each.

    Sample k is taken at `start + k / fps`; its frame is the latest whose time is not after that. Frames are offered in
    increasing time; a sample is settled as soon as no later frame can claim it.

    Args:
        start: presentation time of the first frame.
        fps: samples per second.
        tolerance: how far apart a frame's and a sample's time may be and still be one; for times that come as binary
            floating point, where 0.15 is a little more than 3/20. Zero for a container's own times.
    """

    def __init__(self, start: Fraction, fps: Fraction, tolerance: Fraction = Fraction(0)) -> None:
        self._start = start
        self._fps = fps
        self._tolerance = tolerance
        self._next = 0

    def time(self, sample: int) -> Fraction:
        """When sample number `sample` is taken."""
        return self._start + sample / self._fps

    def advance(self, time: Fraction) -> tuple[range, range]:
        """Offer the frame that appears at `time`.

        Returns:
            The samples that the frame before this one gets, and those that this one gets already: its own time may
            be a sampling time, and frames to come are later.
        """
        position = (time - self._tolerance - self._start) * self._fps
        first_of_this = max(ceil(position), self._next)
        before = range(self._next, first_of_this)
        settled = 1 if self.time(first_of_this) <= time + self._tolerance else 0
        self._next = first_of_this + settled
        return before, range(first_of_this, self._next)

    def finish(self, end: Fraction) -> range:
        """The samples that the last frame gets when it leaves the screen at `end`; sample 0 always exists."""
        last = max(ceil((end - self._tolerance - self._start) * self._fps), self._next, 1)
        rest = range(self._next, last)
        self._next = last
        return rest
