"""What a stream says about the time of each frame that PyAV decodes: presentation times, decoding times or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videobert.video.codec.field_pictures import FieldPictures, Fields

if TYPE_CHECKING:
    from videobert.video.decoders.pyav.decode_order import DecodeOrder, Placed


@dataclass(frozen=True, slots=True)
class StatedFrame:
    """A decoded frame with its presentation time and duration in seconds, exact; None for what is not stated."""

    picture: VideoFrame
    time: Fraction | None
    duration: Fraction | None


class StatedTimes:
    """Follows the packets into the decoder and the frames out of it.

    - Where packets have presentation times, the decoder hands them on to frames.
    - Where they have decoding times only, frames get these in order, see `DecodeOrder`.
    - A raw stream has neither: each frame follows the one before after its duration, and after that of packets between
      them that gave no frame.
    - In the order of decoding a frame lasts no shorter than any step so far: AVI may count in finer ticks than it has
      pictures, and then states one tick for each. What the container says of its end goes before that.
    - A packet of H.264 that brings fields may state the duration of one: its frame lasts for two.

    Args:
        nominal_s: duration in seconds of a frame that states none, if the stream has a frame rate.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, nominal_s: Fraction | None) -> None:
        context = stream.codec_context
        self._base = stream.time_base
        self._nominal_s = nominal_s
        self._raw = bool(Flags.no_timestamps & Flags(container.format.flags))
        self._fields = FieldPictures(context.extradata) if context.codec.canonical_name == "h264" else None
        rate = context.framerate
        self._whole_frame_s = 1 / rate if rate else None
        self._order: DecodeOrder[VideoFrame] | None = None
        self._alike = True  # no packet had a presentation time other than its decoding time
        self._packets = 0
        self._due: Fraction | None = None
        self._last_ticks: int | None = None
        self._least_step: int | None = None
        self._end = None if stream.duration is None else (stream.start_time or 0) + stream.duration

    @property
    def kind(self) -> Literal["presentation", "decode order", "estimated"]:
        """Where the times of frames come from."""
        if self._order is None:
            return "presentation"
        return "estimated" if self._raw_times else "decode order"

    def read(self, packet: Packet[Any]) -> None:
        """Note a packet just before it is decoded."""
        fields = None if self._fields is None else self._fields.look(packet, packet.is_keyframe)
        if fields in (Fields.FIRST, Fields.BOTH) and self._is_half(packet):
            packet.duration = 2 * (packet.duration or 0)
        if self._order is None:
            self._choose(packet)
        if self._order is None:
            return
        ticks = self._packets if self._raw_times else packet.dts
        self._packets += 1
        # The decoder hands this on to the frame: it tells which packet gave it.
        packet.pts = ticks
        if ticks is not None and fields is not Fields.SECOND:
            self._order.read(ticks, packet.duration or 0)

    def place(self, picture: VideoFrame) -> Iterator[StatedFrame]:
        """Note the next frame out of the decoder; gives those whose times are settled."""
        if self._order is None:
            base = picture.time_base or self._base
            yield self._stated(picture, picture.pts * base if base and picture.pts is not None else None)
            return
        for placed in self._order.show(picture.pts, picture):
            yield self._placed(placed)

    def finish(self) -> Iterator[StatedFrame]:
        """Give the frames whose times are not settled yet: the decoder is drained."""
        if self._order is not None:
            for placed in self._order.finish():
                yield self._placed(placed)

    def _choose(self, packet: Packet[Any]) -> None:
        self._raw_times = packet.dts is None
        # Some packets of a program stream have no presentation time; then there is another that differs from its
        # decoding time.
        if packet.pts is None and self._alike and (self._raw or not self._raw_times):
            from videobert.video.decoders.pyav.decode_order import DecodeOrder

            self._order = DecodeOrder()
        self._alike = self._alike and packet.pts == packet.dts

    def _is_half(self, packet: Packet[Any]) -> bool:
        base = packet.time_base or self._base
        return bool(base and self._whole_frame_s and (packet.duration or 0) * base < self._whole_frame_s)

    def _stated(self, picture: VideoFrame, time: Fraction | None) -> StatedFrame:
        base = picture.time_base or self._base
        return StatedFrame(picture, time, picture.duration * base if base and picture.duration else None)

    def _placed(self, placed: Placed[VideoFrame]) -> StatedFrame:
        base = placed.frame.time_base or self._base
        if not self._raw_times:
            return self._in_decode_order(placed.frame, placed.ticks, base)
        stated = self._stated(placed.frame, None)
        length = stated.duration or self._nominal_s
        if not base or length is None:
            return stated
        # What nobody can see before the first frame is no part of the film.
        time = Fraction(0) if self._due is None else self._due + placed.lost * base
        self._due = time + length
        return replace(stated, time=time)

    def _in_decode_order(self, picture: VideoFrame, ticks: int | None, base: Fraction | None) -> StatedFrame:
        if not base or ticks is None:
            return self._stated(picture, None)
        stated = self._stated(picture, ticks * base)
        last, self._last_ticks = self._last_ticks, ticks
        if last is not None and ticks > last:
            self._least_step = min(ticks - last, self._least_step or ticks - last)
        if self._least_step is None or self._end is None:
            return stated
        least = min(self._least_step, self._end - ticks) * base
        return replace(stated, duration=max(stated.duration or least, least))
