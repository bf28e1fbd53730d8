"""What a decoder gives, held against what was planned for it, with the frames that were left out in their places."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from videobert.video.decoders.decoder import GaveUp
from videobert.video.decoders.pyav.skip_plan import PlannedFrame, Run


class Arrivals:
    """Follows the frames of a stream in the order of output.

    Decoding less must not change a frame: one that comes unplanned, or does not come, shows that this stream is not
    what its packets say, and it is then decoded whole.
    """

    def __init__(self) -> None:
        # None stands for a run of which nobody knows what it shows.
        self._due: deque[PlannedFrame | None] = deque()
        self._last_unknown: int | None = None

    def expect(self, run: Run) -> None:
        """Note what a run shows, before its packets are decoded."""
        frames = run.frames or []
        # What was decoded before there was a plan may have reached into this run.
        came = [number + 1 for number, frame in enumerate(frames) if frame.ticks == self._last_unknown]
        self._due.extend([None] if run.frames is None else frames[sum(came) :])

    def arrived(self, ticks: int | None) -> Iterator[PlannedFrame]:
        """A frame came: gives what was left out before it.

        Raises:
            GaveUp: it was not planned, or one before it did not come.
        """
        while self._due:
            due = self._due[0]
            if due is None and (ticks is None or self._next_decoded() != ticks):
                self._last_unknown = ticks
                return
            self._due.popleft()
            if due is not None and due.ticks == ticks:
                return
            if due is not None:
                yield _left_out(due)
        raise GaveUp("a frame came that the packets do not tell of")

    def drained(self) -> Iterator[PlannedFrame]:
        """The decoder has given all that it was given: what was left out behind its last frame.

        Raises:
            GaveUp: a frame did not come.
        """
        while self._due:
            due = self._due.popleft()
            if due is not None:
                yield _left_out(due)

    def _next_decoded(self) -> int | None:
        return next((due.ticks for due in self._due if due is not None and due.decoded), None)


def _left_out(frame: PlannedFrame) -> PlannedFrame:
    if frame.decoded:
        raise GaveUp("a frame did not come that the packets tell of")
    return frame
