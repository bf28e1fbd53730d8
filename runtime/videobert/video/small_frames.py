"""Every frame of a video in 48 x 27 pixels: enough to see where one shot ends and the next begins.

How a picture is turned and cropped does not matter to a cut, so neither is looked at.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from threading import Event
from typing import Any

import av.error
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from videobert.base.cpu_path import cpu_path
from videobert.base.errors import DecodeError, InputError
from videobert.base.limits import Limits, check_duration, most_pixels
from videobert.base.native import native_core
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import SHOT_HEIGHT, SHOT_WIDTH
from videobert.video.decoders.decoder import Decoder, TimedFrame
from videobert.video.decoders.decoder_threads import DecoderThreads
from videobert.video.decoders.numpy_decoder import NumpyDecoder
from videobert.video.decoders.pyav.decoder import PyAvDecoder
from videobert.video.picture.colour import RGB, Colour, colour_of
from videobert.video.picture.crop import UNCROPPED
from videobert.video.picture.pixel_layout import RGB24, PixelLayout, layout_of, read_as
from videobert.video.picture.plane_window import picture_window
from videobert.video.picture.siting import ChromaSiting
from videobert.video.settled_frames import clock_of, settled_frames
from videobert.video.source.kind import SourceKind, kind_of
from videobert.video.source.opening import VideoOpener

Small = npt.NDArray[np.uint8]


class Shrinker:
    """Makes pictures small; one for the pictures of one stream: weights are kept until the pictures change."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._stored: object = None
        self._averages: Any = None

    def small(self, frame: TimedFrame) -> Small | None:
        """The picture of a frame; None if it was not decoded here. Raises as the call."""
        return self(frame.picture) if isinstance(frame.picture, (VideoFrame, np.ndarray)) else None

    def __call__(self, picture: VideoFrame | npt.NDArray[np.uint8]) -> Small:
        """uint8 `(27, 48, 3)`, RGB, of a decoded frame or of a uint8 `(height, width, 3)` array.

        Pixels are averaged over the area that they cover. The published network was trained on bicubic ones: its
        answers agree to the second decimal.

        Raises:
            DecodeError: pictures of this kind cannot be scaled.
            EngineUnavailable: VIDEOBERT_CPU asks for what this processor does not have.
        """
        small = np.empty((SHOT_HEIGHT, SHOT_WIDTH, 3), np.uint8)
        try:
            if isinstance(picture, np.ndarray):
                height, width, _ = picture.shape
                self._average(width, height, RGB24, RGB, [np.ascontiguousarray(picture)], [3 * width], small)
                return small
            readable = picture
            if layout_of(picture.format.name) is None:
                readable = self._scaler.reformat(picture, format=read_as(picture.format), threads=1)
            layout = layout_of(readable.format.name)
            if layout is None:
                raise ValueError(f"not even as {readable.format.name}")
            planes = readable.planes[: layout.planes]
            lines = [plane.line_size for plane in planes]
            # As bright as it is stored: what a tone map does differs too little from shot to shot.
            colour = replace(colour_of(readable), hdr=None, primaries=0)
            self._average(picture.width, picture.height, layout, colour, planes, lines, small)
        except (av.error.FFmpegError, ValueError) as error:
            raise DecodeError(
                "a frame of this video cannot be scaled",
                seen=f"{picture.format.name} {picture.width}x{picture.height}: {error}"
                if isinstance(picture, VideoFrame)
                else str(error),
                fix="Convert the video to MP4 (H.264).",
            ) from error
        return small

    def _average(
        self,
        width: int,
        height: int,
        layout: PixelLayout,
        colour: Colour,
        planes: Sequence[Any],
        lines: list[int],
        small: Small,
    ) -> None:
        stored = width, height, layout, colour
        if self._stored != stored:
            window = picture_window(width, height, UNCROPPED, layout, ChromaSiting())
            self._averages = native_core().ClipTransform(
                components=window.components(layout),
                bits=layout.bits,
                resized=(SHOT_WIDTH, SHOT_HEIGHT),
                crop=(SHOT_WIDTH, SHOT_HEIGHT),
                turn=(False, False, False),
                colour=colour.to_rgb(layout.bits, layout.unused_bits),
                path=cpu_path(),
                averaged=True,
            )
            self._stored = stored
        self._averages(planes, lines, small)


def small_frames(
    source: Any,
    recipe: Recipe,
    *,
    limits: Limits,
    cancel: Event | None = None,
    track: int | None = None,
    threads: int | None = None,
    decoder_threads: DecoderThreads = None,
) -> Generator[tuple[Small, Fraction], None, None]:
    """The frames of a video in a reading of its own, uint8 `(27, 48, 3)`, each with its presentation time in seconds.

    Args:
        source: as `open_clips` takes it. A live one is read to its end.
        recipe, limits: the times are those of clips that are read with the same.
        cancel, track, threads, decoder_threads: see `open_clips`.

    Raises:
        InputError, DecodeError, LimitExceeded, Cancelled: see `open_clips`.
    """
    decoder = _decoder_of(source, limits, cancel, track, threads, decoder_threads)
    try:
        shrink = Shrinker()
        clock = clock_of(decoder, recipe, limits)
        for frame, time in settled_frames(decoder, clock, cancel):
            check_duration(time - (clock.start or 0), limits)
            small = shrink.small(frame)
            if small is not None:
                yield small, time
    finally:
        decoder.close()


def _decoder_of(
    source: Any,
    limits: Limits,
    cancel: Event | None,
    track: int | None,
    threads: int | None,
    decoder_threads: DecoderThreads,
) -> Decoder:
    kind = kind_of(source)
    if kind is SourceKind.FRAME_ARRAY:
        return NumpyDecoder.of_array(source, limits)
    if kind in (SourceKind.ITEMS, SourceKind.LIVE_ITEMS):
        return NumpyDecoder.of_iterator(source, limits)
    if kind is SourceKind.NOT_A_VIDEO:
        raise InputError("this kind of object is not a video", seen=type(source).__name__, fix="Pass a video.")
    opened = VideoOpener(source, kind, most_pixels(limits))()
    if opened is None:
        raise InputError("this video cannot be read a second time", fix="Pass its path or its bytes.")
    try:
        return PyAvDecoder(opened, limits, cancel, track, threads=threads, decoder_threads=decoder_threads)
    except BaseException:
        opened.container.close()
        raise
