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
        begun = False
        for packet in self._from(landing):
            begun = begun or (packet.pts == first and packet.is_keyframe)
            if not begun:
                if packet.pts is not None and packet.pts > first and packet.is_keyframe:
                    break  # the demuxer went too far
                continue
            left -= 1
            if packet.pts >= first:  # no picture that the landing leads
                yield packet
            if not left:
                return
        raise DecodeError(
            "the film's packets are not where they were a moment ago",
            seen=f"{float(self._table.time(landing)):.3f} s",
            fix="Check that nothing else writes to the file, and try again.",
        )

    def frames(self, first: int, end: int) -> Iterator[tuple[int, Any]]:
        """The frames from `first` to before `end` with their numbers; what cannot be decoded is passed over."""
        entry = self._table.entry_before(first)
        found = self._decoded(entry)
        number, frame = next(found, (end, None))
        if number > entry and entry > 0:  # the demuxer went too far: from the beginning, then
            self._reopen()
            found = self._decoded(0)
            number, frame = next(found, (end, None))
        while number < end and frame is not None:
            if number >= first:
                yield number, frame
            if number == end - 1:
                return
            number, frame = next(found, (end, None))

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
        """Packets from the place of a frame on, as near as the demuxer gets; then None, to empty a decoder."""
        if number == 0 or self._table.by_order:
            if not self._fresh:
                self._reopen()
        else:
            try:
                self._container.seek(self._table.ticks[number], stream=self._stream)
            except av.error.FFmpegError:
                self._reopen()
        self._fresh = False
        ahead = self._ahead if number == 0 or self._table.by_order else ()
        packets = chain(ahead, self._container.demux(self._stream))
        while True:
            stop_if(self._cancel)
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, ValueError):
                break
            if packet is None or not packet.size:
                break
            yield packet
        if flush:
            yield None

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
