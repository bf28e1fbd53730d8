"""The samples of one track of sound, from wherever they are wanted; silence where it has none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from threading import Event
from types import TracebackType
from typing import Any, Self

import av
import av.error
import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.editing.film_source import FilmSource

# Decoders of lossy sound need what comes before to be right: Opus the most, 80 ms.
_AHEAD_S = Fraction(1, 2)
# A container's ticks may be as coarse as a millisecond: so far from where it was due, a frame goes on all the same.
_SAME_S = Fraction(2, 1000)
# Silence is given in blocks of at most so many samples.
_BLOCK = 1 << 16


class SoundReader:
    """Reads a track of sound; to be used in a `with` block.

    Args:
        number: of the track among those of sound, from 0.

    Attributes:
        track: the stream.
        rate: samples a second.
    """

    def __init__(self, source: FilmSource, number: int, cancel: Event | None) -> None:
        self._source, self._number, self._cancel = source, number, cancel
        self._stack = ExitStack()
        self._open()
        self.rate: int = self.track.codec_context.sample_rate

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def packets(self) -> Iterator[Any]:
        """All packets as they are, from where the reader stands."""
        self._fresh = False
        for packet in self._container.demux(self.track):
            stop_if(self._cancel)
            yield packet

    def frames(self, first: int, count: int) -> Iterator[Any]:
        """Frames that together hold samples `first` to before `first + count` of the track's time, and no others."""
        at, end = first, first + count
        due: int | None = None
        for frame in self._decoded(Fraction(first, self.rate)):
            begin = due if frame.pts is None else round(frame.pts * frame.time_base * self.rate)
            if begin is None:
                continue
            if due is not None and abs(begin - due) <= _SAME_S * self.rate:
                begin = due
            due = begin + frame.samples
            if begin >= end:
                break
            if due <= at:
                continue
            if begin > at:
                yield from self._silence(begin - at)
                at = begin
            stop = min(due, end)
            yield _part(frame, at - begin, stop - begin)
            at = stop
            if at == end:
                return
        yield from self._silence(end - at)

    def _decoded(self, start: Fraction) -> Iterator[Any]:
        """Frames from a little before a time on."""
        early = start - _AHEAD_S
        if early > 0:
            try:
                self._container.seek(int(early / self.track.time_base), stream=self.track)
            except av.error.FFmpegError:
                self._reopen()
        else:
            self._reopen()
        sought = not self._fresh or early > 0
        for frame in self._decoded_from_here():
            if sought and frame.pts is not None and frame.pts * frame.time_base > start:
                # The demuxer went too far, or there is no sound before: the beginning tells.
                self._reopen()
                yield from self._decoded_from_here()
                return
            sought = False
            yield frame

    def _decoded_from_here(self) -> Iterator[Any]:
        for packet in self.packets():
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue  # the decoder goes on behind the damage

    def _silence(self, samples: int) -> Iterator[Any]:
        context = self.track.codec_context
        while samples > 0:
            part = min(samples, _BLOCK)
            frame = av.AudioFrame(format=context.format.name, layout=context.layout.name, samples=part)
            # Unsigned samples are silent in the middle of their range.
            still = 0x80 if context.format.name in ("u8", "u8p") else 0
            for plane in frame.planes:
                plane.update(bytes([still]) * plane.buffer_size)
            yield frame
            samples -= part

    def _reopen(self) -> None:
        if not self._fresh:
            self._stack.close()
            self._open()

    def _open(self) -> None:
        opened = self._stack.enter_context(self._source.opened())
        self._container = opened.container
        self.track: Any = opened.container.streams.audio[self._number]
        self._fresh = True


def _part(frame: Any, first: int, end: int) -> Any:
    """Samples `first` to before `end` of a frame."""
    if first == 0 and end == frame.samples:
        return frame
    samples: npt.NDArray[Any] = frame.to_ndarray()
    channels = 1 if frame.format.is_planar else frame.layout.nb_channels
    part = np.ascontiguousarray(samples[:, first * channels : end * channels])
    return av.AudioFrame.from_ndarray(part, format=frame.format.name, layout=frame.layout.name)
