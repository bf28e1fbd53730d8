"""The pictures of the new film: packets, copied and encoded, in one order of decoding."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import av
from av.sidedata.sidedata import Type
from av.video.frame import PictureType

from videobert.base.errors import DecodeError
from videobert.editing.broken_links import as_broken_link
from videobert.editing.container_codecs import codecs_taken_by
from videobert.editing.encoders import (
    CODINGS,
    SELF_CONTAINED,
    Coding,
    PieceEncoder,
    can_encode,
    joined_options,
    pixel_format_for,
    rate_for,
    set_like,
)
from videobert.editing.frame_table import FrameTable
from videobert.editing.hevc_sets import HevcSets, lacks_sets
from videobert.editing.mastering import Mastering
from videobert.editing.pieces import Frames, Piece, encoded, pieces_of
from videobert.editing.shared_header import SharedHeader, shared_header
from videobert.editing.track_reader import TrackReader
from videobert.video.encoder_opening import open_encoder

Method = Literal["copy", "smart", "encode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the pictures are made.

    Args:
        codec: of the new film, and `coding`: what encodes it, if something is encoded.
        why: see `Film`.
        header: of a film whose pieces are encoded under numbers of their own.
        links: numbers of copied pieces whose first frame is to be known as a beginning, see `broken_links`.
    """

    method: Method
    why: str | None
    codec: str
    pieces: list[Piece]
    coding: Coding
    header: SharedHeader | None = None
    links: Collection[int] = ()

    @property
    def frames(self) -> int:
        return sum(map(len, self.pieces))

    @property
    def frames_copied(self) -> int:
        return sum(len(piece) for piece in self.pieces if piece.copied) - len(self.links)


def choose_way(table: FrameTable, stream: Any, spans: Sequence[Frames], output: Any) -> Way:
    """Copy what can be copied.

    Args:
        stream: the film's video track.
        output: the new container, which may not take every codec.
    """
    codec = table.codec
    takes = codecs_taken_by(output)
    pieces = pieces_of(table, spans)
    links = [at for at, piece in enumerate(pieces) if at and piece.copied and piece.first in table.led]
    if codec in takes and all(piece.copied for piece in pieces):
        coding = CODINGS.get(codec, CODINGS["h264"])
        return Way(method="copy", why=None, codec=codec, pieces=pieces, coding=coding, links=links)
    own = codec in CODINGS and codec in takes and can_encode(codec, rate_for(table.rate))
    into = codec if own else next(name for name in ("h264", "vp9") if name in takes)
    coding = CODINGS[into]
    reason: str | None
    if codec not in takes:
        reason = f"{output.format.name} holds no {codec}"
    elif into != codec:
        reason = f"nothing here encodes {codec} at this frame rate"
    elif table.by_order:
        reason = "the container has no presentation times"
    elif not any(piece.copied for piece in pieces):
        reason = "no key frame that can be cut at lies inside what is kept"
    else:
        header, reason = _matching(codec, stream)
        if reason is None:
            why = "cuts lie between key frames"
            return Way(method="smart", why=why, codec=codec, pieces=pieces, coding=coding, header=header, links=links)
    return Way(method="encode", why=reason, codec=into, pieces=encoded(spans), coding=coding)


def _matching(codec: str, stream: Any) -> tuple[SharedHeader | None, str | None]:
    """What lets encoded pieces stand beside copied ones, or why they cannot."""
    if codec in SELF_CONTAINED:
        return None, None
    context = stream.codec_context
    if pixel_format_for(CODINGS[codec].encoder, context.pix_fmt) != context.pix_fmt:
        return None, f"nothing here encodes {context.pix_fmt}"
    try:
        return shared_header(codec, context.extradata or b""), None
    except ValueError as error:
        return None, str(error)


class Pictures:
    """Gives the packets of the new film's pictures.

    Args:
        reader: of the film.
        output: the new container; a stream is added to it.
        matrix: how the picture is turned for display, nine numbers; None as it is.
        mastering: what frames that are encoded anew are to say of it.
    """

    def __init__(
        self,
        way: Way,
        table: FrameTable,
        reader: TrackReader,
        output: Any,
        *,
        matrix: list[int] | None = None,
        mastering: Mastering,
    ) -> None:
        self._way, self._table, self._reader = way, table, reader
        self.ticks, self.end = _new_times(table, way.pieces)
        self._coding = way.coding
        self._told = mastering.options(way.coding.encoder)
        self._format = pixel_format_for(way.coding.encoder, reader.stream.codec_context.pix_fmt)
        self._header_apart = _header_apart(output)
        self._rate = rate_for(table.rate)
        self.stream = self._add_stream(output)
        self.stream.time_base = table.time_base
        if matrix is not None:
            self.stream.set_display_matrix(matrix)
        self.missing = 0

    def packets(self) -> Iterator[Any]:
        """In the order of decoding, with times in the film's ticks."""
        if self._way.method == "encode":
            yield from self._stamped(self._all_encoded())
            return
        yield from self._stamped(self._mixed(), self._table.reorder)

    def _add_stream(self, output: Any) -> Any:
        way, source = self._way, self._reader.stream
        if way.method == "encode":
            options = joined_options(self._coding.options, self._told)
            stream = output.add_stream(self._coding.encoder, rate=self._rate, options=options)
            set_like(stream.codec_context, source.codec_context, self._rate, self._format)
            open_encoder(stream.codec_context)
        else:
            stream = output.add_stream_from_template(source, opaque=True)
            if way.header is not None:
                encoder = self._encoder()
                stream.codec_context.extradata = way.header.with_those_of(encoder.context.extradata or b"")
        if way.codec == "hevc" and output.format.name in ("mp4", "mov"):
            # The first is the only name that all players know, and says that the header holds all sets.
            in_packets = way.method != "encode" and lacks_sets(stream.codec_context.extradata or b"")
            stream.codec_context.codec_tag = "hev1" if in_packets else "hvc1"
        stream.metadata.update({k: v for k, v in source.metadata.items() if k in ("language", "title")})
        return stream

    def _encoder(self) -> PieceEncoder:
        way = self._way
        return PieceEncoder(
            self._coding,
            self._reader.stream.codec_context,
            self._rate,
            self._format,
            header_apart=self._header_apart or way.header is not None,
            apart=True,
            options=joined_options({} if way.header is None else way.header.options, self._told),
        )

    def _mixed(self) -> Iterator[tuple[int, Any]]:
        """Packets with their new times."""
        number = 0
        for at, piece in enumerate(self._way.pieces):
            if piece.copied:
                shift = self.ticks[number] - self._table.ticks[piece.first]
                for packet in self._reader.packets(piece.first, piece.end):
                    is_link = packet.pts == self._table.ticks[piece.first] and at in self._way.links
                    yield packet.pts + shift, self._link(packet) if is_link else packet
            else:
                for packet in self._apart(piece, number):
                    yield self.ticks[packet.pts], self._as_in_film(packet)
            number += len(piece)

    def _link(self, packet: Any) -> Any:
        length_bytes = HevcSets.read(self._reader.stream.codec_context.extradata or b"").length_bytes
        own = av.Packet(as_broken_link(bytes(packet), length_bytes))
        own.pts, own.is_keyframe = packet.pts, packet.is_keyframe
        return own

    def _apart(self, piece: Piece, number: int) -> Iterator[Any]:
        """The packets of an encoder of its own."""
        encoder = self._encoder()
        yield from self._encoded(encoder.encode, piece, number)
        yield from encoder.finish()

    def _all_encoded(self) -> Iterator[tuple[int, Any]]:
        stream, number = self.stream, 0
        base = stream.codec_context.time_base

        def encode(at: int, frame: Any) -> Any:
            frame.pts, frame.time_base = at, base
            frame.pict_type = PictureType.NONE
            return stream.encode(frame)

        for piece in self._way.pieces:
            for packet in self._encoded(encode, piece, number):
                yield self.ticks[packet.pts], packet
            number += len(piece)
        for packet in stream.encode(None):
            yield self.ticks[packet.pts], packet

    def _encoded(self, encode: Any, piece: Piece, number: int) -> Iterator[Any]:
        found = 0
        for at, frame in self._reader.frames(piece.first, piece.end):
            found += 1
            yield from encode(number + at - piece.first, frame)
        self.missing += len(piece) - found
        if not found:
            raise DecodeError(
                "no frame of a stretch that is kept can be decoded",
                seen=f"{float(self._table.time(piece.first)):.3f} s to {float(self._table.time(piece.end)):.3f} s",
                fix="Leave that stretch out, or check that the film plays there.",
            )

    def _as_in_film(self, packet: Any) -> Any:
        if self._way.header is None:
            return packet
        own = av.Packet(self._way.header.as_in_film(bytes(packet)))
        own.is_keyframe = packet.is_keyframe
        return own

    def _stamped(self, packets: Iterator[tuple[int, Any]], reorder: int | None = None) -> Iterator[Any]:
        """Set the times of packets.

        A packet is decoded when the frame `reorder` places before its place in the order of decoding comes: never later
        than it is shown itself, as at most so many frames are decoded ahead of it.
        """
        places = {tick: number for number, tick in enumerate(self.ticks)}
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else 1
        for number, (tick, packet) in enumerate(packets):
            if reorder is None:
                # An encoder's first packet tells by how many frames it decodes ahead.
                reorder = max(packet.pts - packet.dts, 0) if packet.dts is not None else 0
            at = number - reorder
            decoded = self.ticks[at] if 0 <= at < len(self.ticks) else at * step
            place = places.get(tick)
            if place is None or not reorder:
                decoded = tick
            packet.stream = self.stream
            packet.time_base = self._table.time_base
            packet.pts, packet.dts = tick, min(decoded, tick)
            if place is not None:
                following = self.ticks[place + 1] if place + 1 < len(self.ticks) else self.end
                packet.duration = following - tick
            yield packet


def _new_times(table: FrameTable, pieces: Sequence[Piece]) -> tuple[array[int], int]:
    """When each frame of the new film comes, from 0, in the film's ticks, and when the last one leaves."""
    ticks, begin = array("q"), 0
    for piece in pieces:
        first = table.ticks[piece.first]
        ticks.extend(begin + tick - first for tick in table.ticks[piece.first : piece.end])
        begin += table.bound(piece.end) - first
    return ticks, begin


def _header_apart(output: Any) -> bool:
    return output.format.name in ("mp4", "mov", "matroska", "webm")


def display_matrix(frame: Any) -> list[int] | None:
    """The nine numbers of a frame's side data that say how it is turned for display; None if it has none."""
    for data in frame.side_data:
        if data.type == Type.DISPLAYMATRIX:
            raw = memoryview(data).cast("B").cast("i")
            return list(raw)[:9]
    return None
