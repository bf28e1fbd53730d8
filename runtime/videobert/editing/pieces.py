"""Which frames of the new film are copied and which are encoded anew."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from videobert.editing.frame_table import FrameTable

Frames = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames of the source, `first` to before `end`, that go into the new film together.

    Args:
        copied: as the bytes that they are.
    """

    first: int
    end: int
    copied: bool

    def __len__(self) -> int:
        return self.end - self.first


def joined(spans: Iterable[Frames]) -> list[Frames]:
    """Spans of which one goes on where the one before ended become one: there is nothing to cut."""
    found: list[Frames] = []
    for first, end in spans:
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found


def pieces_of(table: FrameTable, spans: Sequence[Frames]) -> list[Piece]:
    """The pieces of which as many frames as can be are copied: from a landing on, while packets hold no later one."""
    closed = [number for number, packets in enumerate(table.decoded_before) if packets >= 0]
    return [piece for first, end in spans for piece in _pieces(table, closed, first, end)]


def encoded(spans: Sequence[Frames]) -> list[Piece]:
    """The pieces of which none is copied."""
    return [Piece(first, end, copied=False) for first, end in spans]


def _pieces(table: FrameTable, closed: Sequence[int], first: int, end: int) -> Iterator[Piece]:
    begin = table.landing_from(first)
    stop = closed[bisect_right(closed, end) - 1] if closed else -1
    if begin is None or begin >= end or stop <= begin:
        yield Piece(first, end, copied=False)
        return
    if first < begin:
        yield Piece(first, begin, copied=False)
    yield Piece(begin, stop, copied=True)
    if stop < end:
        yield Piece(stop, end, copied=False)
