"""Frames of an encoded video through PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import astuple, replace
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any

from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videobert.base.cancelling import stop_if
from videobert.base.errors import DecodeError
from videobert.base.limits import Limits, check_side, most_pixels
from videobert.base.spans import in_spans, span
from videobert.model.recipe import Recipe
from videobert.video.decoders.decoder import TimedFrame
from videobert.video.decoders.decoder_threads import DecoderThreads, MeasuredThreads, most_decoder_threads
from videobert.video.decoders.pyav.damage import DamageTolerance
from videobert.video.decoders.pyav.stated_aspect import stated_aspect
from videobert.video.decoders.pyav.stated_duration import stated_duration
from videobert.video.decoders.pyav.stated_times import StatedFrame, StatedTimes
from videobert.video.info import VideoInfo
from videobert.video.picture.colour import colour_of
from videobert.video.picture.crop import UNCROPPED
from videobert.video.picture.display_matrix import OrientationProbe
from videobert.video.picture.pixel_layout import read_as
from videobert.video.picture.siting import ChromaSiting, SitingProbe
from videobert.video.sampling import KeptSamples
from videobert.video.source.opening import OpenedVideo
from videobert.video.source.track_choice import choose_track
from videobert.video.timestamps import LOOK_AHEAD

if TYPE_CHECKING:
    from videobert.video.clip import Clip
    from videobert.video.decoders.pyav.skip_plan import PlannedFrame

_GENERATE_PTS = 1  # AVFMT_FLAG_GENPTS
# Smaller pictures are decoded by the calling thread: there a hand-over to a decoder thread costs more than it saves. At
# 480p decoding beside the transform makes the whole runtime 1.25 times as fast on two idle cores.
_THREADED_PIXELS = 640 * 360


class PyAvDecoder:
    """Reads one video track of an opened container; owns the container.

    Args:
        opened: as `VideoOpener` opens it.
        limits: `max_side_px` holds before a frame is decoded and for every frame, `max_duration_s` for what the
            container states.
        cancel: looked at before each packet, here and in `frames`.
        track: number of the video track to read, see `choose_track`; None for the one that a player would show.
        threads: most threads that decode and transform at a time; None for as many as pay.
        decoder_threads: how many decode, whatever `threads` says; None for as many as that leaves. Pictures smaller
            than `_THREADED_PIXELS` are decoded by the calling thread alone.

    Raises:
        DecodeError: there is no video stream, no decoder for it, or no frame that can be decoded.
        InputError: there is no such track.
        LimitExceeded: the picture is too large or the video too long.
        Cancelled: `cancel` is set.

    Attributes:
        fallback: why this is not the decoder that would have been first choice; None if it is.
        orientation: the display orientation of the first frame.
        hdr: its transfer function, if it is one of high dynamic range.
        stream_index: of the track, in the container.
    """

    tolerance: Fraction = Fraction(0)
    look_ahead: int = LOOK_AHEAD

    def __init__(
        self,
        opened: OpenedVideo,
        limits: Limits,
        cancel: Event | None = None,
        track: int | None = None,
        *,
        threads: int | None = None,
        decoder_threads: DecoderThreads = None,
    ) -> None:
        self.fallback: str | None = None
        self._container = container = opened.container
        self._limits = limits
        self._cancel = cancel
        self._name = container.format.name
        self._decoded = self._damaged_frames = self._size_changes = 0
        self._damage = DamageTolerance()
        self._size: tuple[int, int] | None = None
        self._sequence = 0
        self._kept: KeptSamples | None = None
        # FFmpeg would make up presentation times, and gets B-frames in AVI wrong: see StatedTimes.
        container.flags &= ~_GENERATE_PTS
        chosen = choose_track(opened, track, cancel)
        stream, self._ahead = chosen.stream, chosen.packets
        self.stream_index = stream.index
        check_side(stream.codec_context.width, stream.codec_context.height, limits)
        duration_s = stated_duration(container, stream, limits)
        context = stream.codec_context
        _configure(context, limits, threads, decoder_threads)
        rate = stream.average_rate or stream.guessed_rate
        self.nominal_s: Fraction | None = 1 / rate if rate and rate > 0 else None
        self.sample_aspect = stated_aspect(stream)
        self._times = StatedTimes(container, stream, self.nominal_s)
        # The generator alone holds the stream, so that closing it ends the decoder's threads.
        self._frames = self._decode(stream)
        first = next(self._frames, None)
        if first is None or not isinstance(first.picture, VideoFrame):
            raise DecodeError(
                "not one frame of this video could be decoded",
                seen=f"{context.name}, {self._damage.packets} damaged packets",
                fix="Check that the file plays, or convert it to MP4 (H.264).",
            )
        picture = first.picture
        colour, orientation = colour_of(picture), OrientationProbe()(picture)
        self.orientation, self.hdr = orientation, colour.hdr
        crop, crop_fault = chosen.note.crop, chosen.note.crop_fault
        if not crop.fits(picture.width, picture.height):
            crop, crop_fault = UNCROPPED, f"{crop.in_words} of {picture.width}x{picture.height}"
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
            track=chosen.number,
            tracks=chosen.count,
            crop=astuple(crop),
            crop_ignored=crop_fault,
        )

    @property
    def info(self) -> VideoInfo:
        kind = self._times.kind
        return replace(
            self._info,
            timestamps=self._info.timestamps if kind == "presentation" else kind,
            decoder_fallback=self.fallback,
            frames_decoded=self._decoded,
            damaged_packets=self._damage.packets,
            damaged_frames=self._damaged_frames,
            size_changes=self._size_changes,
        )

    def skip(self, recipe: Recipe) -> None:
        """Decode only what the recipe's clips need, where the packets tell; to be called before `frames`.

        Frames that are left out come in their places without a picture. `frames` may then raise `GaveUp`.
        """
        first, info = self._first, self._info
        if first is None or first.time is None or info.interlaced or self._times.kind != "presentation":
            return
        from videobert.video.codec.coded_pictures import SKIPPABLE_CODECS

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

    def _decode(self, stream: VideoStream) -> Generator[TimedFrame, None, None]:
        base = stream.time_base or Fraction(0)
        for picture in self._pictures(stream):
            if not isinstance(picture, VideoFrame):
                length = picture.duration * base if picture.duration else None
                yield TimedFrame(None, picture.ticks * base, length, self._sequence)
                continue
            check_side(picture.width, picture.height, self._limits)
            self._decoded += 1
            self._damaged_frames += picture.is_corrupt
            yield from map(self._timed, self._times.place(picture))
        yield from map(self._timed, self._times.finish())

    def _timed(self, stated: StatedFrame) -> TimedFrame:
        picture = stated.picture
        size = picture.width, picture.height
        self._size_changes += self._size is not None and self._size != size
        self._size = size
        self._sequence += picture.key_frame
        return TimedFrame(picture, stated.time, stated.duration, self._sequence)

    def _pictures(self, stream: VideoStream) -> Iterator[VideoFrame | PlannedFrame]:
        context, packets = stream.codec_context, self._packets(stream)

        def decode(packet: Packet[Any] | None) -> list[VideoFrame]:
            return self._decoded_of(packet, context)

        before: list[Packet[Any]] = []
        for packet in packets:
            before.append(packet)
            pictures = decode(packet)
            if pictures:
                # The one that the constructor looks at.
                yield pictures[0]
                if self._kept is not None and stream.time_base is not None:
                    # First used here: most videos are decoded whole.
                    from videobert.video.codec.coded_pictures import PictureReader
                    from videobert.video.decoders.pyav.skip_plan import SkipPlan
                    from videobert.video.decoders.pyav.skipping import by_plan

                    reader = PictureReader(self._info.codec, context.extradata)
                    plan = SkipPlan(reader, stream.time_base, self._kept, before)
                    yield from by_plan(plan, context, packets, decode, self._is_sound, pictures)
                    return
                yield from pictures[1:]
                break
        before.clear()
        for packet in packets:
            yield from decode(packet)
        yield from decode(None)

    def _is_sound(self) -> bool:
        return not self._damage.packets and self._times.kind == "presentation"

    def _decoded_of(self, packet: Packet[Any] | None, context: VideoCodecContext) -> list[VideoFrame]:
        """What a packet gives, or the decoder when it is drained."""
        stop_if(self._cancel)
        if packet is not None:
            self._times.read(packet)
        with span("decode"):
            return self._damage.decode(context, packet)

    def _packets(self, stream: VideoStream) -> Iterator[Packet[Any]]:
        # Read while the track was chosen, and each once.
        ahead, self._ahead = iter(self._ahead), ()
        return in_spans("demux", self._damage.packets_of(self._container, stream, ahead))


def _configure(
    context: VideoCodecContext, limits: Limits, threads: int | None, decoder_threads: DecoderThreads
) -> None:
    """Set how FFmpeg is to decode, before it begins."""
    context.thread_type = "AUTO"
    if context.width * context.height < _THREADED_PIXELS:
        context.thread_count = 1
    elif isinstance(decoder_threads, MeasuredThreads):
        most = most_decoder_threads(threads)
        context.thread_count = decoder_threads.of_picture(context.width * context.height, most)
    else:
        context.thread_count = decoder_threads or most_decoder_threads(threads)
    # Without it FFmpeg leaves out cropping at the left that would put rows at odd addresses, and says nothing.
    context.flags |= Flags.unaligned
    context.options = {
        # What a decoder that learns no siting from the stream is to say; the others overwrite it.
        "chroma_sample_location": "left",
        "max_pixels": str(most_pixels(limits)),
    }
