"""The packets and the frames of the film's video track, from wherever they are wanted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from threading import Event
from types import TracebackType
from typing import Any, Self

import av.error

from videobert.base.cancelling import stop_if
from videobert.base.errors import DecodeError
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import FrameTable

_EARLIER_S = 10


class TrackReader:
    """Reads a film's video track; to be used in a `with` block.

    Args:
        table: of the same track.
    """

    def __init__(self, source: FilmSource, table: FrameTable, cancel: Event | None) -> None:
        self._source, self._table, self._cancel = source, table, cancel
        self._stack = ExitStack()
        self._fresh = True
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def stream(self) -> Any:
        """The video track."""
        return self._stream

    def packets(self, landing: int, end: int) -> Iterator[Any]:
        """The packets of the frames from a landing to before `end`, as they are, in the order of decoding."""
        first = self._table.ticks[landing]
        left = self._table.packets_between(landing, end)
        for packet in self._from(landing):
            left -= 1
            if packet.pts >= first:  # no picture that the landing leads
                yield packet
            if not left:
                return
        raise _changed(float(self._table.time(landing)))

    def frames(self, first: int, end: int) -> Iterator[tuple[int, Any]]:
        """The frames from `first` to before `end` with their numbers; what cannot be decoded is passed over."""
        for number, frame in self._decoded(self._table.entry_before(first)):
            if number >= end:
                return
            if number >= first:
                yield number, frame
            if number == end - 1:
                return

    def _decoded(self, entry: int) -> Iterator[tuple[int, Any]]:
        """Frames from an entry on, in the order of presentation."""
        table = self._table
        count = 0
        for packet in self._from(entry, flush=True):
            try:
                frames = packet.decode() if packet is not None else self._stream.decode(None)
            except av.error.FFmpegError:
                continue  # the decoder goes on behind the damage
            for frame in frames:
                if table.by_order:
                    number, count = count, count + 1
                else:
                    number = bisect_left(table.ticks, frame.pts) if frame.pts is not None else -1
                    if not 0 <= number < len(table) or table.ticks[number] != frame.pts:
                        continue
                if number < len(table):
                    yield number, frame

    def _from(self, number: int, *, flush: bool = False) -> Iterator[Any]:
        """Packets from that of a frame on, or all for frame 0; then None, if a decoder is to be emptied.

        A demuxer may go too far: it is then asked for an earlier place, and at last reads from the beginning.
        """
        wanted = self._table.ticks[number]
        earlier = round(_EARLIER_S / self._table.time_base)
        for place in (wanted, wanted - earlier, None) if number and not self._table.by_order else (None,):
            begun = number == 0
            for packet in self._read(place):
                if not begun:
                    begun = packet.pts == wanted
                    if not begun and packet.pts is not None and packet.is_keyframe and packet.pts > wanted:
                        break
                if begun:
                    yield packet
            if begun:
                break
        else:
            raise _changed(float(self._table.time(number)))
        if flush:
            yield None

    def _read(self, place: int | None) -> Iterator[Any]:
        """Packets from about a place on; all of them for None."""
        if place is None:
            if not self._fresh:
                self._reopen()
            ahead = self._ahead
        else:
            ahead = ()
            try:
                self._container.seek(place, stream=self._stream)
            except av.error.FFmpegError:
                return
        self._fresh = False
        packets = chain(ahead, self._container.demux(self._stream))
        while True:
            stop_if(self._cancel)
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, ValueError):
                return
            if packet is None or not packet.size:
                return
            yield packet

    def _reopen(self) -> None:
        self._stack.close()
        self._open()

    def _open(self) -> None:
        opened = self._stack.enter_context(self._source.opened())
        self._container = opened.container
        chosen = self._source.track_of(opened, self._cancel)
        self._stream = chosen.stream
        self._ahead = chosen.packets
        self._stream.thread_type = "AUTO"
        self._fresh = True


def _changed(at_s: float) -> DecodeError:
    return DecodeError(
        "the film's packets are not where they were a moment ago",
        seen=f"{at_s:.3f} s",
        fix="Check that nothing else writes to the file, and try again.",
    )
