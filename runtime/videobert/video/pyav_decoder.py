"""Frames of an encoded video through PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videobert.errors import DecodeError
from videobert.limits import Limits
from videobert.video.bounds import check_duration, check_side
from videobert.video.colour import colour_of
from videobert.video.decoder import TimedFrame
from videobert.video.info import VideoInfo
from videobert.video.timestamps import DecodeOrderTimes
from videobert.video.transform import orientation_of

_GENERATE_PTS = 1  # AVFMT_FLAG_GENPTS
_NOT_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
# Containers whose stated duration is a guess from bit rates or from a clock that wraps.
_NO_DURATION = {"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "mjpeg", "obu"}
# A file cut short can fail once for every packet that it promised; this many in a row are its end.
_READ_ERRORS_IN_A_ROW = 64


class PyAvDecoder:
    """Reads the first video stream of an opened container; owns the container.

    Args:
        container: as `sources` opens it.
        limits: `max_side_px` holds before a frame is decoded and for every frame, `max_duration_s` for what the
            container states.

    Raises:
        DecodeError: there is no video stream, no decoder for it, or no frame that can be decoded.
        LimitExceeded: the picture is too large or the video too long.
    """

    tolerance = Fraction(0)

    def __init__(self, container: InputContainer, limits: Limits) -> None:
        self._container = container
        self._limits = limits
        self._name = container.format.name
        self._decoded = self._damaged_packets = self._damaged_frames = self._size_changes = 0
        self._decode_order: DecodeOrderTimes | None = None
        # FFmpeg would make up presentation times, and gets B-frames in AVI wrong: see DecodeOrderTimes.
        container.flags &= ~_GENERATE_PTS
        self._stream = _video_stream(container)
        duration_s = self._check_metadata()
        context = self._stream.codec_context
        context.thread_type = "AUTO"
        context.options = {
            # What a decoder that learns no siting from the stream is to say; the others overwrite it.
            "chroma_sample_location": "left",
            "max_pixels": str(limits.max_side_px**2),
        }
        self._frames = self._decode()
        self._first = self._first_frame()
        picture = self._first.picture
        if not isinstance(picture, VideoFrame):
            raise DecodeError("the decoder gave no picture", seen=type(picture).__name__)
        colour, orientation = colour_of(picture), orientation_of(picture)
        rate = self._stream.average_rate
        self._info = VideoInfo(
            container=self._name.split(",")[0],
            codec=context.codec.canonical_name,
            pixel_format=picture.format.name,
            width=picture.width,
            height=picture.height,
            rotation=orientation.rotation,
            mirrored=orientation.mirrored,
            interlaced=picture.interlaced_frame,
            matrix=colour.matrix,
            full_range=colour.full_range,
            fps=float(rate) if rate else None,
            duration_s=duration_s,
            start_s=float(self._first.time or 0),
            timestamps="estimated" if self._first.time is None else "presentation",
        )
        if self._decode_order is not None:
            self._info = replace(self._info, timestamps="decode order")

    @property
    def info(self) -> VideoInfo:
        return replace(
            self._info,
            frames_decoded=self._decoded,
            damaged_packets=self._damaged_packets,
            damaged_frames=self._damaged_frames,
            size_changes=self._size_changes,
        )

    @property
    def nominal_s(self) -> Fraction | None:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return 1 / rate if rate and rate > 0 else None

    def frames(self) -> Iterator[TimedFrame]:
        """The frames in presentation order. Damaged packets are skipped and counted."""
        yield self._first
        yield from self._frames

    def close(self) -> None:
        """Release the file and the decoder's threads."""
        self._frames.close()
        self._container.close()

    def _check_metadata(self) -> float | None:
        context = self._stream.codec_context
        check_side(context.width, context.height, self._limits)
        stream = self._stream
        stated: Fraction | None = None
        if stream.duration is not None and stream.time_base:
            stated = stream.duration * stream.time_base
        elif self._container.duration is not None:
            stated = Fraction(self._container.duration, 1_000_000)
        if stated is None or stated <= 0:
            return None
        if self._name not in _NO_DURATION:
            check_duration(stated, self._limits)
        return float(stated)

    def _first_frame(self) -> TimedFrame:
        first = next(self._frames, None)
        if first is None:
            raise DecodeError(
                "not one frame of this video could be decoded",
                seen=f"{self._stream.codec_context.name}, {self._damaged_packets} damaged packets",
                fix="Check that the file plays, or convert it to MP4 (H.264).",
            )
        return first

    def _decode(self) -> Generator[TimedFrame, None, None]:
        size: tuple[int, int] | None = None
        for picture in self._pictures():
            check_side(picture.width, picture.height, self._limits)
            self._size_changes += size is not None and size != (picture.width, picture.height)
            size = picture.width, picture.height
            self._decoded += 1
            self._damaged_frames += picture.is_corrupt
            base = picture.time_base or self._stream.time_base
            ticks = picture.pts if self._decode_order is None else self._decode_order.show()
            duration = picture.duration * base if base and picture.duration else None
            yield TimedFrame(picture, ticks * base if base and ticks is not None else None, duration)

    def _pictures(self) -> Iterator[VideoFrame]:
        context = self._stream.codec_context
        for number, packet in enumerate(self._packets()):
            if number == 0 and packet.pts is None and packet.dts is not None:
                self._decode_order = DecodeOrderTimes()
            if self._decode_order is not None:
                self._decode_order.read(packet.dts)
            try:
                pictures = context.decode(packet)
            except av.error.BlockingIOError:
                # The decoder still holds pictures that an error kept back: take them, and start afresh.
                pictures = self._drain()
            except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError):
                self._damaged_packets += 1
                if self._decode_order is not None:
                    self._decode_order.lose()
                continue
            yield from pictures
        yield from self._drain()

    def _drain(self) -> list[VideoFrame]:
        context = self._stream.codec_context
        try:
            pictures = context.decode(None)
            context.flush_buffers()
        except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError):
            self._damaged_packets += 1
            return []
        return pictures

    def _packets(self) -> Iterator[Packet[Any]]:
        errors = 0
        while errors < _READ_ERRORS_IN_A_ROW:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:  # the empty one at the end asks for draining
                        errors = 0
                        yield packet
                return
            except (av.error.FFmpegError, ValueError) as error:
                # After an error the demuxer goes on behind the damage.
                if isinstance(error, av.error.OSError):
                    self._damaged_packets += 1
                    return
                errors += 1
                self._damaged_packets += 1


def _video_stream(container: InputContainer) -> VideoStream:
    film = [s for s in container.streams.video if not s.disposition & _NOT_FILM]
    if not film:
        kinds = sorted({stream.type for stream in container.streams})
        raise DecodeError(
            "there is no video in this file",
            seen=", ".join(kinds) + " only" if kinds else "no streams",
            allowed="a file with a video stream",
            fix="Check that this is the right file.",
        )
    for stream in film:
        if stream.codec_context is not None:
            return stream
    raise DecodeError(
        "no decoder knows this video's codec", fix="Convert the video to MP4 (H.264).", seen=container.format.name
    )
