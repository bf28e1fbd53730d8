"""Frames of an encoded video through PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videobert.cancelling import stop_if
from videobert.errors import DecodeError
from videobert.limits import Limits, check_duration, check_side
from videobert.recipe import Recipe
from videobert.video.arrivals import Arrivals
from videobert.video.coded_pictures import SKIPPABLE_CODECS, PictureReader
from videobert.video.colour import colour_of
from videobert.video.decoder import GaveUp, TimedFrame
from videobert.video.info import VideoInfo
from videobert.video.pixel_layout import read_as
from videobert.video.sampling import KeptSamples
from videobert.video.siting import ChromaSiting, SitingProbe
from videobert.video.skip_plan import PlannedFrame, SkipPlan
from videobert.video.timestamps import DecodeOrderTimes
from videobert.video.transform import orientation_of

if TYPE_CHECKING:
    from videobert.video.clips import Clip

_GENERATE_PTS = 1  # AVFMT_FLAG_GENPTS
_NOT_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
# Containers whose stated duration is a guess from bit rates or from a clock that wraps.
_NO_DURATION = {"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "mjpeg", "obu"}
# Smaller pictures are decoded by the calling thread: there a hand-over to a decoder thread costs more than it saves. At
# 480p decoding beside the transform makes the whole runtime 1.25 times as fast on two idle cores.
_THREADED_PIXELS = 640 * 360
# A file cut short can fail once for every packet that it promised; this many in a row are its end.
_READ_ERRORS_IN_A_ROW = 64
# An hour of film at 25 pictures a second; what has as many packets of nothing is made to waste time.
_DAMAGED_PACKETS_IN_A_ROW = 90_000


class PyAvDecoder:
    """Reads the first video stream of an opened container; owns the container.

    Args:
        container: as `sources` opens it.
        limits: `max_side_px` holds before a frame is decoded and for every frame, `max_duration_s` for what the
            container states.
        cancel: looked at before each packet, here and in `frames`.

    Raises:
        DecodeError: there is no video stream, no decoder for it, or no frame that can be decoded.
        LimitExceeded: the picture is too large or the video too long.
        Cancelled: `cancel` is set.

    Attributes:
        fallback: why this is not the decoder that would have been first choice; None if it is.
        orientation: the display orientation of the first frame.
    """

    tolerance: Fraction = Fraction(0)

    def __init__(self, container: InputContainer, limits: Limits, cancel: Event | None = None) -> None:
        self.fallback: str | None = None
        self._container = container
        self._limits = limits
        self._cancel = cancel
        self._name = container.format.name
        self._decoded = self._damaged_packets = self._damaged_frames = self._size_changes = self._damaged_in_a_row = 0
        self._decode_order: DecodeOrderTimes | None = None
        self._kept: KeptSamples | None = None
        # FFmpeg would make up presentation times, and gets B-frames in AVI wrong: see DecodeOrderTimes.
        container.flags &= ~_GENERATE_PTS
        stream = video_stream(container)
        duration_s = self._check_metadata(stream)
        context = stream.codec_context
        context.thread_type = "AUTO"
        if context.width * context.height < _THREADED_PIXELS:
            context.thread_count = 1
        context.options = {
            # What a decoder that learns no siting from the stream is to say; the others overwrite it.
            "chroma_sample_location": "left",
            "max_pixels": str(limits.max_side_px**2),
        }
        rate = stream.average_rate or stream.guessed_rate
        self.nominal_s: Fraction | None = 1 / rate if rate and rate > 0 else None
        # The generator alone holds the stream, so that closing it ends the decoder's threads.
        self._frames = self._decode(stream)
        first = next(self._frames, None)
        if first is None or not isinstance(first.picture, VideoFrame):
            raise DecodeError(
                "not one frame of this video could be decoded",
                seen=f"{context.name}, {self._damaged_packets} damaged packets",
                fix="Check that the file plays, or convert it to MP4 (H.264).",
            )
        picture = first.picture
        colour, orientation = colour_of(picture), orientation_of(picture)
        self.orientation = orientation
        self._first: TimedFrame | None = first
        self._info = VideoInfo(
            container=self._name.split(",")[0],
            codec=context.codec.canonical_name,
            pixel_format=picture.format.name,
            read_as=read_as(picture.format),
            width=picture.width,
            height=picture.height,
            rotation=orientation.rotation,
            mirrored=orientation.mirrored,
            interlaced=picture.interlaced_frame,
            matrix=colour.matrix,
            full_range=colour.full_range,
            fps=float(stream.average_rate) if stream.average_rate else None,
            duration_s=duration_s,
            start_s=float(first.time or 0),
            timestamps="estimated" if first.time is None else "presentation",
        )
        if self._decode_order is not None:
            self._info = replace(self._info, timestamps="decode order")

    @property
    def info(self) -> VideoInfo:
        return replace(
            self._info,
            decoder_fallback=self.fallback,
            frames_decoded=self._decoded,
            damaged_packets=self._damaged_packets,
            damaged_frames=self._damaged_frames,
            size_changes=self._size_changes,
        )

    def skip(self, recipe: Recipe) -> None:
        """Decode only what the recipe's clips need, where the packets tell; to be called before `frames`.

        Frames that are left out come in their places without a picture. `frames` may then raise `GaveUp`.
        """
        first, info = self._first, self._info
        if first is None or first.time is None or info.interlaced or self._decode_order is not None:
            return
        if info.codec in SKIPPABLE_CODECS:
            self._kept = KeptSamples(first.time, recipe.fps, recipe.frames, recipe.stride)

    def frames(self) -> Iterator[TimedFrame]:
        """The frames in presentation order. Damaged packets are skipped and counted.

        Raises:
            GaveUp: after `skip`: decoding less than all of this stream may change its frames.
        """
        first, self._first = self._first, None
        if first is not None:
            yield first
        del first
        yield from self._frames

    def render(self, planned: Iterator[Clip]) -> Iterator[Clip]:
        """See `Decoder.render`: these clips have their pictures already."""
        return planned

    def siting(self) -> ChromaSiting:
        """Where chroma lies in the first frame; to be asked before `frames`."""
        if self._first is None or not isinstance(self._first.picture, VideoFrame):
            raise RuntimeError("the first frame is gone")
        return SitingProbe()(self._first.picture)

    def close(self) -> None:
        """Release the file and the decoder's threads."""
        self._first = None
        self._frames.close()
        self._container.close()

    def _check_metadata(self, stream: VideoStream) -> float | None:
        check_side(stream.codec_context.width, stream.codec_context.height, self._limits)
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

    def _decode(self, stream: VideoStream) -> Generator[TimedFrame, None, None]:
        size: tuple[int, int] | None = None
        sequence = 0
        for picture in self._pictures(stream):
            base = stream.time_base
            if isinstance(picture, PlannedFrame):
                length = picture.duration * base if base and picture.duration else None
                yield TimedFrame(None, picture.ticks * base if base else None, length, sequence)
                continue
            check_side(picture.width, picture.height, self._limits)
            self._size_changes += size is not None and size != (picture.width, picture.height)
            size = picture.width, picture.height
            sequence += picture.key_frame
            self._decoded += 1
            self._damaged_frames += picture.is_corrupt
            base = picture.time_base or stream.time_base
            ticks = picture.pts if self._decode_order is None else self._decode_order.show()
            duration = picture.duration * base if base and picture.duration else None
            yield TimedFrame(picture, ticks * base if base and ticks is not None else None, duration, sequence)

    def _pictures(self, stream: VideoStream) -> Iterator[VideoFrame | PlannedFrame]:
        context = stream.codec_context
        packets = self._packets(stream)
        before: list[Packet[Any]] = []
        for packet in packets:
            before.append(packet)
            if len(before) == 1 and packet.pts is None and packet.dts is not None:
                self._decode_order = DecodeOrderTimes()
            pictures = self._decoded_of(packet, context)
            if pictures:
                # The one that the constructor looks at.
                yield pictures[0]
                if self._kept is not None:
                    yield from self._planned(stream, self._kept, before, pictures, packets)
                    return
                yield from pictures[1:]
                break
        before.clear()
        for packet in packets:
            yield from self._decoded_of(packet, context)
        stop_if(self._cancel)
        yield from self._drain(context)

    def _planned(
        self,
        stream: VideoStream,
        kept: KeptSamples,
        before: list[Packet[Any]],
        pictures: list[VideoFrame],
        packets: Iterator[Packet[Any]],
    ) -> Iterator[VideoFrame | PlannedFrame]:
        """The rest of the stream, with what no clip needs left out.

        Args:
            before: what was decoded already.
            pictures: what that gave, the first of which was passed on.
        """
        context, base = stream.codec_context, stream.time_base
        if base is None:
            raise GaveUp("the container states no time base")
        arrivals = Arrivals()

        def checked(given: list[VideoFrame]) -> Iterator[VideoFrame | PlannedFrame]:
            # A decoder hides damage with what it decoded last, which may be something else here.
            if self._damaged_packets or any(picture.is_corrupt for picture in given):
                raise GaveUp("the stream is damaged")
            for picture in given:
                yield from arrivals.arrived(picture.pts)
                yield picture

        plan = SkipPlan(PictureReader(self._info.codec, context.extradata), base, kept, before)
        for number, run in enumerate(plan.runs(packets)):
            if run.fresh:
                yield from checked(self._drain(context))
                yield from arrivals.drained()
                context.flush_buffers()
            arrivals.expect(run)
            if number == 0:
                first, *rest = checked(pictures)
                if first is not pictures[0]:
                    raise GaveUp("the first frame is not where the packets have it")
                yield from rest
            for packet in run.packets:
                yield from checked(self._decoded_of(packet, context))
        stop_if(self._cancel)
        yield from checked(self._drain(context))
        yield from arrivals.drained()

    def _decoded_of(self, packet: Packet[Any], context: VideoCodecContext) -> list[VideoFrame]:
        stop_if(self._cancel)
        damaged = packet.is_corrupt
        if self._decode_order is not None:
            self._decode_order.read(packet.dts)
        try:
            pictures = context.decode(packet)
        except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError):
            damaged, pictures = True, []
            if self._decode_order is not None:
                self._decode_order.lose()
        self._damaged_packets += damaged
        self._damaged_in_a_row = self._damaged_in_a_row + 1 if damaged and not pictures else 0
        if self._damaged_in_a_row > _DAMAGED_PACKETS_IN_A_ROW:
            raise DecodeError(
                "too many packets in a row of this video are damaged",
                seen=self._damaged_in_a_row,
                allowed=_DAMAGED_PACKETS_IN_A_ROW,
                fix="Check that the file plays, or convert it to MP4 (H.264).",
            )
        return pictures

    def _drain(self, context: VideoCodecContext) -> list[VideoFrame]:
        try:
            return context.decode(None)
        except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError):
            self._damaged_packets += 1
            return []

    def _packets(self, stream: VideoStream) -> Iterator[Packet[Any]]:
        errors = 0
        while errors < _READ_ERRORS_IN_A_ROW:
            try:
                for packet in self._container.demux(stream):
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


def video_stream(container: InputContainer) -> VideoStream:
    """The stream that is the film: no cover picture, and one that PyAV knows a decoder for.

    Raises:
        DecodeError: there is none.
    """
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
