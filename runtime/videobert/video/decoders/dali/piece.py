"""A stretch of a video as a small file of its own, whose frame numbers are known."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.packet import Packet
from av.video.stream import VideoStream

from videobert.video.decoders.dali.frame_index import CodedFrame, Section, SectionFrame

_TICK = Fraction(1, 1000)  # Matroska's
_STEP = 40  # ticks from frame to frame


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A stretch of video that decodes by itself.

    Args:
        file: a Matroska file that begins with a key frame; its frames are 40 ms apart.
        frames: how many frames it shows.
        numbers: the number of each frame asked for, counted in the order of presentation.
    """

    file: bytes
    frames: int
    numbers: list[int]


def cut_piece(stream: VideoStream, wanted: Sequence[SectionFrame]) -> Piece:
    """The piece that holds `wanted`, which are in the order of presentation; copies packets, decodes nothing.

    Args:
        stream: where the packets come from; its container is still open.
    """
    coded = list(_coded(wanted[0].section, wanted[-1].section))
    ranks = {ticks: rank for rank, ticks in enumerate(sorted(frame.ticks for frame, _ in coded))}
    return Piece(_file(stream, coded, ranks), len(coded), [ranks[reference.ticks] for reference in wanted])


def _coded(first: Section, last: Section) -> Iterator[tuple[CodedFrame, bool]]:
    """Packets of sections `first` to `last`, each once, and whether a decoder may be sent to it.

    A key frame with pictures that lead it is in the section before its own too; sent there, decoders would disagree on
    whether those pictures count.
    """
    seen: set[int] = set()
    section: Section | None = first
    while section is not None:
        for place, frame in enumerate(section.coded):
            if frame.ticks not in seen:
                seen.add(frame.ticks)
                yield frame, place == 0
        section = None if section is last else section.next


def _file(stream: VideoStream, coded: Sequence[tuple[CodedFrame, bool]], ranks: dict[int, int]) -> bytes:
    buffer = io.BytesIO()
    # Times of decoding never come after times of presentation.
    delay = max(place - ranks[frame.ticks] for place, (frame, _) in enumerate(coded))
    with av.open(buffer, "w", format="matroska") as output:
        copy = output.add_stream_from_template(stream, opaque=True)
        for place, (frame, key) in enumerate(coded):
            packet = Packet(frame.data)
            packet.stream, packet.time_base = copy, _TICK
            packet.pts, packet.dts = (ranks[frame.ticks] + delay) * _STEP, place * _STEP
            packet.duration, packet.is_keyframe = _STEP, key
            output.mux(packet)
    return buffer.getvalue()
