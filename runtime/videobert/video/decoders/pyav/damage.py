"""Damage in a video: skipped and counted, but not without end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videobert.base.errors import DecodeError

# A file cut short can fail once for every packet that it promised; this many in a row are its end.
_READ_ERRORS_IN_A_ROW = 64
# Several times what a decoder holds at once: a picture for each of 16 threads, and 16 to be put in order.
_WATCHED = 128
# An hour of film at 25 pictures a second; what has as many packets of nothing is made to waste time.
_DAMAGED_PACKETS_IN_A_ROW = 90_000


class DamageTolerance:
    """Reads and decodes past damage. Holds neither the stream nor its decoder.

    Attributes:
        packets: those that could not be read or decoded so far, or that the container marks as damaged.
    """

    def __init__(self) -> None:
        self.packets = 0
        self._in_a_row = 0
        # Of the last packets, their times and whether one was found to be damaged then; and the times that came back.
        self._sent: deque[tuple[int | None, bool]] = deque(maxlen=_WATCHED)
        self._came: deque[int | None] = deque(maxlen=2 * _WATCHED)

    def packets_of(
        self, container: InputContainer, stream: VideoStream, ahead: Iterator[Packet[Any]]
    ) -> Iterator[Packet[Any]]:
        """Those `ahead`, which were read already, and all that follow them."""
        errors = 0
        while errors < _READ_ERRORS_IN_A_ROW:
            try:
                for packet in chain(ahead, container.demux(stream)):
                    if packet.size:  # the empty one at the end asks for draining
                        errors = 0
                        yield packet
                return
            except (av.error.FFmpegError, ValueError) as error:
                # After an error the demuxer goes on behind the damage.
                self.packets += 1
                if isinstance(error, av.error.OSError):
                    return
                errors += 1

    def decode(self, context: VideoCodecContext, packet: Packet[Any] | None) -> list[VideoFrame]:
        """What a packet gives, or the decoder when it is drained.

        Raises:
            DecodeError: nothing but damage comes.
        """
        damaged = packet is not None and packet.is_corrupt
        try:
            pictures = context.decode(packet)
        except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError):
            damaged, pictures = True, []
        self.packets += damaged
        # Behind the end of an edit list the demuxer gives packets whose pictures are not to be shown.
        self._sent.append((None if packet is None or packet.is_discard else packet.pts, damaged))
        if packet is None:
            self.packets += self._lost_in_the_end(pictures)
        self._came.extend(picture.pts for picture in pictures)
        self._in_a_row = self._in_a_row + 1 if damaged and not pictures else 0
        if self._in_a_row > _DAMAGED_PACKETS_IN_A_ROW:
            raise DecodeError(
                "too many packets in a row of this video are damaged",
                seen=self._in_a_row,
                allowed=_DAMAGED_PACKETS_IN_A_ROW,
                fix="Check that the file plays, or convert it to MP4 (H.264).",
            )
        return pictures

    def _lost_in_the_end(self, drained: Sequence[VideoFrame]) -> int:
        """How many packets gave no picture though nothing was said of them.

        A decoder that is drained is left at the first packet that it cannot decode, and says nothing of it where it has
        given a picture before: with several threads, all that they still hold is lost. Where packets that came before
        gave none either, as second fields do, nothing is known.
        """
        known = sum(damaged for _, damaged in self._sent)
        came = {pts for pts in self._came if pts is not None}
        if not came:
            return 0
        first, last = min(came), max(came)
        sent = {pts for pts, _ in self._sent if pts is not None and pts >= first}
        before = sum(pts <= last for pts in sent - came)
        missing = sent - came - {picture.pts for picture in drained}
        return 0 if before > known else max(0, len(missing) - known)
