"""Presentation times for streams that store the order of decoding only: AVI above all, and raw streams."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Frame = TypeVar("Frame")

# A decoder of H.264 or HEVC holds back at most so many frames; what it has not given after that, it never will.
MOST_HELD = 16


# No stream has as many packets in a row that give nothing but one that is made to fill memory.
MOST_WAITING = 100_000


@dataclass(slots=True)
class _PacketPlace:
    ticks: int
    duration: int
    gave: bool = False


@dataclass(frozen=True, slots=True)
class Placed(Generic[Frame]):
    """A frame with its place.

    Args:
        ticks: decoding time of the packet whose place it takes, or of its own where there is no such place; None for a
            frame of no packet that has a time.
        lost: sum of the durations of the packets since the place before that gave no frame.
    """

    frame: Frame
    ticks: int | None
    lost: int = 0


class DecodeOrder(Generic[Frame]):
    """Pairs frames with the places that packets bring.

    Frames leave the decoder in the order of presentation, and both kinds of time run through the same set of values:
    the n-th frame shown has the n-th place among those of packets that give a frame. A packet that gives none (a
    picture that is not coded, a damaged one, one whose references are missing) takes its place with it. Which one that
    is shows only when later ones have given theirs; until then frames are held back.
    """

    def __init__(self) -> None:
        self._places: deque[_PacketPlace] = deque()
        self._by_ticks: dict[int, _PacketPlace] = {}
        self._held: deque[tuple[Frame, _PacketPlace | int | None]] = deque()
        self._lost = 0

    def read(self, ticks: int, duration: int) -> None:
        """Note a packet that goes to the decoder. `ticks` tells it from others that the decoder holds."""
        place = _PacketPlace(ticks, duration)
        self._places.append(place)
        self._by_ticks[ticks] = place
        if len(self._places) > MOST_WAITING:
            self._pass()

    def show(self, ticks: int | None, frame: Frame) -> Iterator[Placed[Frame]]:
        """Note the next frame in the order of presentation and which packet gave it; gives what is settled now."""
        place = None if ticks is None else self._by_ticks.get(ticks)
        if place is not None and place.gave:
            # The decoder made a picture up in place of one that is missing.
            place = self._missing_before(place)
        if place is None:
            self._held.append((frame, ticks))
        else:
            place.gave = True
            self._held.append((frame, place))
        return self._settle(over=False)

    def finish(self) -> Iterator[Placed[Frame]]:
        """Give what is still held: the stream is over."""
        return self._settle(over=True)

    def _settle(self, over: bool) -> Iterator[Placed[Frame]]:
        while self._held:
            frame, given_by = self._held[0]
            if not isinstance(given_by, _PacketPlace) or not self._places:
                self._held.popleft()
                yield Placed(frame, given_by if isinstance(given_by, int) else None)
                continue
            if not self._places[0].gave and not over and len(self._held) <= MOST_HELD:
                return
            place = self._pass()
            if place.gave:
                self._held.popleft()
                lost, self._lost = self._lost, 0
                yield Placed(frame, place.ticks, lost)

    def _missing_before(self, place: _PacketPlace) -> _PacketPlace | None:
        missing = None
        for other in self._places:
            if other is place:
                return missing
            if not other.gave:
                missing = other
        return None

    def _pass(self) -> _PacketPlace:
        place = self._places.popleft()
        if self._by_ticks.get(place.ticks) is place:
            del self._by_ticks[place.ticks]
        if not place.gave:
            self._lost += place.duration
        return place
