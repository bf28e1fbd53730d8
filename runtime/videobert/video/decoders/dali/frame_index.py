"""Which packet of a container is which frame, and when it is shown: by demuxing alone, nothing is decoded.

A decoder that takes frame numbers and knows no times (NVDEC through DALI) is fed from this index. Packets are read in
the order of decoding and cut into sections at key frames; a section is complete when no later packet can be shown
before its end. Sections are linked forwards only, so that those which nobody refers to any more are freed: memory does
not grow with the length of the video.

Where the packets do not say exactly which frames will be shown and when, the index gives up with `InexactIndex`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from threading import Event
from typing import Any

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from videobert.base.cancelling import stop_if
from videobert.video.codec.field_pictures import FieldPictures, Fields
from videobert.video.codec.hidden_frames import shows_a_frame
from videobert.video.decoders.decoder import FrameReference
from videobert.video.decoders.pyav.decode_order import MOST_HELD

# One section is held in memory as it is read.
MOST_SECTION_BYTES = 256 << 20


class InexactIndex(Exception):
    """The packets of this stream do not tell exactly which frames it shows; the text says why."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """One packet, which is one frame. `ticks` and `duration` are in the stream's time base; shown or decoded only."""

    data: bytes
    ticks: int
    duration: int
    shown: bool


@dataclass(slots=True, eq=False)
class Section:
    """Packets from one key frame to the next, in the order of decoding.

    Args:
        coded: what the section's frames need: its own packets without those that lead its key frame (they are the
            section's before), and what leads the next key frame, with that key frame.
        number: counts sections from 0.
        bytes: size of `coded`.
        next: the section after this one, once it is read.
    """

    number: int
    coded: list[CodedFrame]
    bytes: int = 0
    next: Section | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class SectionFrame(FrameReference):
    """Frame `ticks` of a section."""

    section: Section
    ticks: int


@dataclass(frozen=True, slots=True)
class IndexedFrame:
    """A frame in the order of presentation. Times in seconds, exact; `duration` is None if the packet states none."""

    reference: SectionFrame
    time: Fraction
    duration: Fraction | None


def index_frames(container: InputContainer, stream: VideoStream, cancel: Event | None = None) -> Iterator[IndexedFrame]:
    """The frames that decoding the stream would show, in order. Reads the container, decodes nothing.

    Raises:
        InexactIndex: times are missing, repeated, restarted or in an order in which no decoder shows frames, a packet
            is damaged, holds one field or shows no frame, the stream does not begin with a key frame or changes its
            parameters, or a section is too large to be held.
        Cancelled: `cancel` is set.
    """
    base = stream.time_base
    if base is None:
        raise InexactIndex("the container states no time base")
    packets = _packets(container, stream, cancel)
    context = stream.codec_context
    cutter = _Cutter(context.codec.canonical_name, bool(context.has_b_frames), context.extradata)
    for section, frames in cutter.sections(packets):
        for frame in frames:
            if frame.shown:
                yield IndexedFrame(
                    SectionFrame(section, frame.ticks),
                    frame.ticks * base,
                    frame.duration * base if frame.duration > 0 else None,
                )


def _packets(container: InputContainer, stream: VideoStream, cancel: Event | None) -> Iterator[Packet[Any]]:
    try:
        for packet in container.demux(stream):
            stop_if(cancel)
            if packet.size:  # the empty one at the end asks for draining
                yield packet
    except (av.error.FFmpegError, ValueError) as error:
        raise InexactIndex(f"the container is damaged ({getattr(error, 'strerror', None) or error})") from error


class _Cutter:
    """Cuts packets into sections. A key frame ends a section if the codec lets decoding begin there.

    Args:
        codec: its canonical name.
        reordered: whether frames may be shown in another order than they are decoded.
        extradata: the codec's parameters as the container stores them.
    """

    def __init__(self, codec: str, reordered: bool, extradata: bytes | None) -> None:
        self._codec = codec
        self._reordered = reordered
        self._fields = FieldPictures(extradata) if codec == "h264" else None
        self._ticks: int | None = None
        # What leads a key frame of HEVC may be left out by definition (RASL and RADL pictures); of H.264 it may not.
        self._leading_may_go = codec == "hevc"
        self._last: Section | None = None

    def sections(self, packets: Iterator[Packet[Any]]) -> Iterator[tuple[Section, list[CodedFrame]]]:
        """Each section with the frames that are its own, in the order of presentation."""
        own: list[CodedFrame] = []  # of the section being read
        leaders: list[CodedFrame] = []  # its end, once its successor's key frame has come
        key: CodedFrame | None = None  # that key frame
        begins = latest = None  # ticks: of the section's own key frame, and of the last frame shown before `key`
        size = 0
        for packet in packets:
            frame = self._coded(packet)
            if begins is None:
                if not packet.is_keyframe:
                    raise InexactIndex("the stream does not begin with a key frame")
                begins = frame.ticks
            elif frame.ticks < begins:
                raise InexactIndex("the stream's clock jumps back")
            if key is not None and latest is not None:
                if frame.ticks == key.ticks:
                    raise InexactIndex("two frames have the same time")
                if frame.ticks < key.ticks and not packet.is_keyframe:
                    leaders.append(frame)
                    size += len(frame.data)
                    _check_size(size)
                    continue
                if leaders and not self._leading_may_go:
                    own += [key, *leaders]
                else:
                    yield self._section(own, key, leaders)
                    own, begins, size = [key], key.ticks, len(key.data)
                key, leaders = None, []
            if packet.is_keyframe and own:
                latest = max(other.ticks for other in own)
                if frame.ticks <= latest:
                    raise InexactIndex("the stream's clock jumps back")
                key = frame
            else:
                own.append(frame)
            size += len(frame.data)
            _check_size(size)
        if key is not None:
            if leaders and not self._leading_may_go:
                own += [key, *leaders]
            else:
                yield self._section(own, key, leaders)
                own = [key]
        if own:
            yield self._section(own, None, [])

    def _section(
        self, own: list[CodedFrame], key: CodedFrame | None, leaders: list[CodedFrame]
    ) -> tuple[Section, list[CodedFrame]]:
        shown = sorted([*own, *leaders], key=lambda frame: frame.ticks)
        if any(a.ticks == b.ticks for a, b in pairwise(shown)):
            raise InexactIndex("two frames have the same time")
        ranks = {frame.ticks: rank for rank, frame in enumerate(shown)}
        if any(ranks[frame.ticks] - place > MOST_HELD for place, frame in enumerate([*own, *leaders])):
            raise InexactIndex("a frame's time is later than decoders can hold it back")
        coded = [*own, key, *leaders] if leaders and key is not None else own
        section = Section(
            0 if self._last is None else self._last.number + 1, coded, sum(len(frame.data) for frame in coded)
        )
        if self._last is not None:
            self._last.next = section
        self._last = section
        return section, shown

    def _coded(self, packet: Packet[Any]) -> CodedFrame:
        if packet.pts is None:
            raise InexactIndex("the container stores decoding times only")
        if packet.is_corrupt:
            raise InexactIndex("the container marks a packet as damaged")
        if packet.has_sidedata("new_extradata"):
            raise InexactIndex("the stream changes its parameters on the way")
        data = bytes(packet)
        if not shows_a_frame(self._codec, data):
            raise InexactIndex("the stream has packets that show no frame")
        if self._fields is not None and self._fields.look(data, packet.is_keyframe) in (Fields.FIRST, Fields.SECOND):
            raise InexactIndex("frames are stored field by field")
        if not self._reordered and self._ticks is not None and packet.pts <= self._ticks:
            raise InexactIndex("the stream's clock jumps back")
        self._ticks = packet.pts
        return CodedFrame(data, packet.pts, packet.duration or 0, not packet.is_discard)


def _check_size(size: int) -> None:
    if size > MOST_SECTION_BYTES:
        raise InexactIndex(f"no key frame to cut at within {MOST_SECTION_BYTES >> 20} MiB")
