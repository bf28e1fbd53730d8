"""From the times that a stream states to times that can be trusted: one per frame, strictly increasing.

Knows times only: what a frame is, is the caller's affair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

Frame = TypeVar("Frame")

# How many frames behind one whose time does not follow are looked at before it is believed: as many outliers in a row
# are told from a clock that was set anew.
LOOK_AHEAD = 5


@dataclass(frozen=True, slots=True)
class _Offered(Generic[Frame]):
    frame: Frame
    time: Fraction | None
    duration: Fraction | None


class PresentationClock(Generic[Frame]):
    """Gives each frame, in the order of output, its presentation time in seconds.

    - A frame follows if it is later than its predecessor, by no more than two frames last. It is settled when it comes.
    - Any other waits until the frames behind it have told what it is. If they go on from its predecessor, it is an
      outlier and left out. If they go on from it, the clock was set anew: ahead, the picture before stood still for so
      long; behind (joined recordings), time goes on from the predecessor.
    - A frame without a time follows its predecessor after that one's duration.
    - No picture stands still for longer than `longest`: time goes on from it as from a restarted clock.

    Args:
        nominal: duration in seconds of a frame that does not state one.
        longest: see above, in seconds; None for no limit.
        look_ahead: how many frames a frame may wait for.

    Attributes:
        start: time of the first frame; None before it is settled.
        left_out: frames that were left out because their time does not fit between their neighbours'.
        restarts: times that the clock jumped back for good.
        stills_cut: pictures that would have stood still for longer than `longest`.
    """

    def __init__(self, nominal: Fraction, *, longest: Fraction | None = None, look_ahead: int = LOOK_AHEAD) -> None:
        self._nominal = nominal if longest is None else min(nominal, longest)
        self._longest = longest
        self._look_ahead = look_ahead
        self._waiting: deque[_Offered[Frame]] = deque()
        self._shift = Fraction(0)
        self._last: Fraction | None = None
        self._last_duration = self._usual = self._nominal
        self._reach = Fraction(0)  # what is later does not follow the last frame
        self._last_cut = False
        self._run_start = Fraction(0)  # the first frame since the clock last jumped
        self._steady = 0  # frames that followed
        self._longest_step = Fraction(0)
        self.start: Fraction | None = None
        self.left_out = 0
        self.restarts = 0
        self.stills_cut = 0

    def offer(self, frame: Frame, time: Fraction | None, duration: Fraction | None) -> Iterator[tuple[Frame, Fraction]]:
        """Take the next frame, and give those that are settled now with their times.

        Args:
            time: presentation time in seconds; None if the stream states none.
            duration: seconds on screen, or None.
        """
        self._waiting.append(_Offered(frame, time, duration))
        return self._settle(None, over=False)

    def finish(self, stated_end: Fraction | None = None) -> Iterator[tuple[Frame, Fraction]]:
        """Give the frames that still wait: the stream is over.

        Args:
            stated_end: when it ends according to its container, if that says.
        """
        yield from self._settle(stated_end, over=True)
        self.stills_cut += self._last_cut
        self._last_cut = False

    @property
    def end(self) -> Fraction | None:
        """When the last frame leaves the screen; None before the first."""
        return None if self._last is None else self._last + self._last_duration

    def _settle(self, stated_end: Fraction | None, over: bool) -> Iterator[tuple[Frame, Fraction]]:
        while self._waiting:
            fits = self._fits(stated_end, over)
            if fits is None:
                return
            first = self._waiting.popleft()
            if fits:
                yield first.frame, self._accept(first)
            else:
                self.left_out += 1

    def _fits(self, stated_end: Fraction | None, over: bool) -> bool | None:
        """Whether the frame that waits longest is to be given; None while that cannot be told."""
        stated = self._waiting[0].time
        if stated is None:
            return True
        if self._last is not None and self._last < self._shifted(stated) <= self._reach:
            return True
        time, *behind = self._times(stated)
        known = over or len(self._waiting) > self._look_ahead
        if self._last is None:
            return self._begins(time, self._length(self._waiting[0].duration), behind, known)
        if time > self._last:
            return self._stays_ahead(self._last, time, behind, known, stated_end if over else None)
        return self._stays_behind(self._last, time, behind, known)

    def _shifted(self, time: Fraction) -> Fraction:
        return time + self._shift if self._shift else time

    def _times(self, stated: Fraction) -> Iterator[Fraction]:
        """Of the frames that wait, as if the first of them were right."""
        due = stated
        for frame in self._waiting:
            time = due if frame.time is None else frame.time
            due = time + self._length(frame.duration)
            yield time + self._shift

    def _begins(self, time: Fraction, duration: Fraction, behind: list[Fraction], known: bool) -> bool | None:
        """Whether the first frame of all fits: it does not if the next ones go on from each other but not from it."""
        if behind:
            if _follows(behind[0], time, duration):
                return True
            ahead = behind[0] > time
            if ahead and (self._longest is None or behind[0] - time <= self._longest):
                return True
            if len(behind) > 1:
                together = _follows(behind[1], behind[0], duration)
                return not together or (not ahead and behind[1] > time)
        return True if known else None

    def _stays_ahead(
        self, last: Fraction, time: Fraction, behind: list[Fraction], known: bool, stated_end: Fraction | None
    ) -> bool | None:
        for later in behind:
            if last < later <= self._reach or (last < later < time and later - last < time - later):
                return False
        if not known:
            return None
        if behind:
            return behind[0] > time or sum(later > time for later in behind) * 2 > len(behind)
        return self._may_end_at(time - last, stated_end is not None and time <= stated_end)

    def _may_end_at(self, step: Fraction, stated: bool) -> bool:
        """Whether the last frame of all may come so long after the one before: no frame behind it can tell."""
        if self._longest is not None and step > self._longest:
            return False
        return stated or self._steady < self._look_ahead or step <= 2 * self._longest_step

    def _stays_behind(self, last: Fraction, time: Fraction, behind: list[Fraction], known: bool) -> bool | None:
        before = time
        for number, later in enumerate(behind):
            if later > last:
                # Frames that lead up to the last one and past it are a recording of its own if they began where the one
                # before it did; else they are late.
                passes = number > 0 and _follows(later, before, self._last_duration)
                return passes and time <= self._run_start
            before = later
        if not known:
            return None
        return bool(behind) and behind[0] > time

    def _length(self, stated: Fraction | None) -> Fraction:
        if stated is None or stated <= 0:
            return self._nominal
        return self._usual if self._too_long(stated) else stated

    def _too_long(self, seconds: Fraction | None) -> bool:
        return self._longest is not None and seconds is not None and seconds > self._longest

    def _accept(self, offered: _Offered[Frame]) -> Fraction:
        time = None if offered.time is None else self._shifted(offered.time)
        if self._last is None:
            time = Fraction(0) if time is None else time
            self.start = self._run_start = time
        else:
            time = self._after(self._last, time)
        duration = self._length(offered.duration)
        self._last, self._last_duration = time, duration
        self._last_cut = self._too_long(offered.duration)
        self._reach = time + duration + (offered.duration if self._last_cut and offered.duration else duration)
        if offered.duration and not self._last_cut:
            self._usual = duration
        return time

    def _after(self, last: Fraction, time: Fraction | None) -> Fraction:
        if time is None:
            self._steady += 1
            return last + self._last_duration
        step = time - last
        if step > 0 and not self._too_long(step):
            if time <= self._reach:
                self._steady += 1
            else:
                self._run_start = time
            self._longest_step = max(self._longest_step, step)
            return time
        if time > last:
            self.stills_cut += 1
        else:
            self.restarts += 1
        due = last + self._last_duration
        self._shift += due - time
        self._run_start = due
        return due


def _follows(time: Fraction, before: Fraction, duration: Fraction) -> bool:
    return before < time <= before + 2 * duration
