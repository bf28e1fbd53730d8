"""Tries DALI on small made clips, one for each codec: what really comes out, next to what PyAV gives.

A decoder that counts its frames in another way than the index does would give wrong pictures without a word; this is
where it is found out, before a codec is trusted with anybody's video. It reads clips through a decoder, as a caller
does, and so stands above the decoders.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, cast

import av
import av.error
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videobert.base.errors import VideoBertError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.available import Device
from videobert.video.decoders.dali.accepted_streams import CODECS, backend_of
from videobert.video.decoders.dali.decoder import DaliDecoder
from videobert.video.decoders.decoder import Decoder
from videobert.video.decoders.pyav.decoder import PyAvDecoder
from videobert.video.encoder_opening import open_encoder
from videobert.video.source.opening import open_bytes
from videobert.video.stream import ClipStream

if TYPE_CHECKING:
    from videobert.video.clip import Clip

# Encoders that PyAV may have, and options that make them reorder and hide frames as far as they can.
_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264": ("libx264", "yuv420p", {"preset": "veryfast", "bf": "3", "x264-params": "keyint=12:scenecut=0"}),
    "hevc": ("libx265", "yuv420p", {"preset": "ultrafast", "x265-params": "keyint=12:bframes=3:log-level=none"}),
    "av1": ("libsvtav1", "yuv420p", {"preset": "12", "g": "16"}),
    "vp8": ("libvpx", "yuv420p", {"g": "12", "deadline": "realtime", "cpu-used": "8"}),
    "vp9": ("libvpx-vp9", "yuv420p", {"g": "12", "deadline": "realtime", "cpu-used": "8"}),
    "mjpeg": ("mjpeg", "yuvj420p", {"qmin": "2", "qmax": "3"}),
}
_SIDE_PX = 256  # NVDEC refuses smaller pictures of some codecs
_FRAMES = 40
_MOST_PIXELS = 1 << 20
_RECIPE = Recipe(frames=8, short_side=32, crop=32)
# Each frame is a grey of its own, 5 levels from its neighbours.
_STEP = 5
_TOLERANCE = 2.0


@cache
def failure(codec: str, device: Device) -> str | None:
    """Why DALI cannot be trusted with a codec on a device; None if it can, or if nothing here can encode a test clip.

    Decodes a clip of 40 frames, once in a process: some tenths of a second.
    """
    if codec not in CODECS[backend_of(device)]:
        return f"DALI does not decode {codec} there"
    video = _clip(codec)
    if video is None:
        return None
    try:
        expected, found = _read(video, None), _read(video, device)
    except VideoBertError as error:
        return f"a test clip of {codec} failed: {error}"
    if [clip.times_s.tolist() for clip in expected] != [clip.times_s.tolist() for clip in found]:
        return f"a test clip of {codec} came back with other times"
    off = max(float(np.abs(_levels(a) - _levels(b)).max()) for a, b in zip(expected, found, strict=True))
    if off > _TOLERANCE:
        return f"a test clip of {codec} came back with other frames (off by {off:.1f} of 255)"
    return None


def failures(device: Device) -> dict[str, str | None]:
    """For each codec that DALI knows on a device, why it cannot be trusted with it; None if it can."""
    return {codec: failure(codec, device) for codec in CODECS[backend_of(device)]}


def _levels(clip: Clip) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(clip.on_host().mean(axis=(1, 2)), np.float64)


def _read(video: bytes, device: Device | None) -> list[Clip]:
    """The clips through DALI; through PyAV for None."""
    limits = Limits()
    decoder = _decoder(video, device, limits)
    with ClipStream(decoder, _RECIPE, limits, None, None) as stream:
        return list(stream)


def _decoder(video: bytes, device: Device | None, limits: Limits) -> Decoder:
    first = PyAvDecoder(open_bytes(video, _MOST_PIXELS), limits)
    if device is None:
        return first
    try:
        return DaliDecoder.of_stream(open_bytes(video, _MOST_PIXELS).container, first, _RECIPE, limits, device)
    finally:
        first.close()


def _clip(codec: str) -> bytes | None:
    name, pixel_format, options = _ENCODERS[codec]
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="matroska") as output:
            stream = cast(VideoStream, output.add_stream(name, rate=20, options=options))
            stream.width = stream.height = _SIDE_PX
            stream.pix_fmt = pixel_format
            # With pictures this small, those of libvpx spend a second of several cores in waiting for each other.
            stream.codec_context.thread_count = 1
            open_encoder(stream.codec_context)
            for number in range(_FRAMES):
                grey = np.full((_SIDE_PX, _SIDE_PX, 3), 28 + _STEP * number, np.uint8)
                frame = VideoFrame.from_ndarray(grey, "rgb24").reformat(format=pixel_format)
                frame.pts = number
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    except (UnknownCodecError, av.error.FFmpegError, ValueError):
        return None
    return buffer.getvalue()
