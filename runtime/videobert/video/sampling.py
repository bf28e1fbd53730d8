"""Which frame stands for which sampling time: exact arithmetic on presentation times, no pictures."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor


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
        # Positions are counted in samples from here, where the first sample may have its frame at the latest.
        self._origin = start + tolerance
        self._slack = 2 * tolerance * fps
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
        position = (time - self._origin) * self._fps
        first_of_this = max(ceil(position), self._next)
        before = range(self._next, first_of_this)
        settled = int(first_of_this <= (position + self._slack if self._slack else position))
        self._next = first_of_this + settled
        return before, range(first_of_this, self._next)

    def finish(self, end: Fraction) -> range:
        """The samples that the last frame gets when it leaves the screen at `end`; sample 0 always exists."""
        last = max(ceil((end - self._origin) * self._fps), self._next, 1)
        rest = range(self._next, last)
        self._next = last
        return rest


class KeptSamples:
    """Which frames the clips that a stride keeps are made of, told from the frames' times before they are decoded.

    Args:
        start, fps: as of `SampleGrid`; frames of a container, so without tolerance.
        frames: samples in a clip.
        stride: every how many clips one is kept.
    """

    def __init__(self, start: Fraction, fps: Fraction, frames: int, stride: int) -> None:
        self._start = start
        self._fps = fps
        self._frames = frames
        self._stride = stride

    def wants(self, appears: Fraction, leaves: Fraction) -> bool:
        """Whether a kept clip has a sample while this frame is on screen."""
        return self._keeps(ceil(self._position(appears)), ceil(self._position(leaves)) - 1)

    def wants_last(self, appears: Fraction, leaves: Fraction) -> bool:
        """The same of a video's last frame, which also fills the clip that the video breaks off in."""
        return self._keeps(floor(self._position(appears)), ceil(self._position(leaves)) - 1)

    def _position(self, time: Fraction) -> Fraction:
        return (time - self._start) * self._fps

    def _keeps(self, first: int, last: int) -> bool:
        first = max(first, 0)
        if last < first:
            return False
        clip = first // self._frames
        kept = -(-clip // self._stride) * self._stride
        return kept <= last // self._frames
