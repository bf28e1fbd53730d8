"""What encodes frames anew: as near to the film's own coding as can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.codec.context import Flags
from av.video.frame import PictureType

from videobert.video.encoder_opening import open_encoder

# lambda, in which FFmpeg states the quality of the old MPEG codecs: FF_QP2LAMBDA times the quantiser, here 2.
_FINE = {"flags": "+qscale", "global_quality": str(2 * 118)}


@dataclass(frozen=True, slots=True)
class Coding:
    """An encoder and how it is set.

    Args:
        options: for fine quality, at a speed that a film can be waited for.
        apart: more options where its pictures stand between copied ones: each comes out when it comes in.
    """

    encoder: str
    options: dict[str, str] = field(default_factory=dict)
    apart: dict[str, str] = field(default_factory=dict)


# By the codec that the film has. Quality is set to look like the source: the constant rate factors lie well below what
# the encoders' own notes call visually lossless.
CODINGS = {
    "h264": Coding("libx264", {"crf": "16", "preset": "fast"}, {"bf": "0"}),
    # Between copied ones, no picture waits for its turn when the next sequence begins, and none names its parameters.
    "hevc": Coding(
        "libx265",
        {"crf": "16", "preset": "fast", "x265-params": "log-level=none"},
        {"x265-params": "bframes=0:open-gop=0:repeat-headers=1:info=0:hrd=0"},
    ),
    # Its threads wait for each other by spinning.
    "vp8": Coding(
        "libvpx", {"crf": "6", "b": "20M", "cpu-used": "4", "threads": "1"}, {"lag-in-frames": "0", "auto-alt-ref": "0"}
    ),
    "vp9": Coding(
        "libvpx-vp9",
        {"crf": "16", "b": "0", "cpu-used": "4", "row-mt": "1"},
        {"lag-in-frames": "0", "auto-alt-ref": "0"},
    ),
    "av1": Coding("libsvtav1", {"crf": "18", "preset": "9"}),
    "mpeg4": Coding("mpeg4", {**_FINE, "g": "12"}),
    "mpeg2video": Coding("mpeg2video", {**_FINE, "g": "12"}),
    "mjpeg": Coding("mjpeg", _FINE),
    "prores": Coding("prores_ks"),
    "ffv1": Coding("ffv1"),
}
_MOST_TICKS = (1 << 16) - 1
# ISO/IEC 13818-2, table 6-4.
_MPEG2_RATES = tuple(Fraction(*rate) for rate in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1)))
_MPEG2_RATES += (Fraction(60000, 1001), Fraction(60))
# Codecs whose key frames bring all that a decoder needs, so that pieces of two encoders may follow each other.
SELF_CONTAINED = frozenset({"vp8", "vp9"})


class PieceEncoder:
    """Encodes frames that follow each other; a frame's time is its number in the new film.

    Args:
        coding: see `CODINGS`.
        like: the codec context of the film's track.
        pixel_format: of the frames that come out.
        header_apart: the container keeps parameters in its header.
        apart: see `Coding`.
    """

    def __init__(
        self,
        coding: Coding,
        like: Any,
        rate: Fraction,
        pixel_format: str,
        *,
        header_apart: bool,
        apart: bool = False,
        options: dict[str, str] | None = None,
    ) -> None:
        context: Any = av.CodecContext.create(coding.encoder, "w")
        set_like(context, like, rate, pixel_format)
        context.options = joined_options(coding.options, coding.apart if apart else {}, options or {})
        if header_apart:
            context.flags |= int(Flags.global_header)
        open_encoder(context)
        self.context = context

    def encode(self, number: int, frame: Any) -> Iterator[Any]:
        """Packets, as they come; their times are numbers of frames."""
        frame.pts, frame.time_base = number, self.context.time_base
        # The source's choice of key frames is not this encoder's.
        frame.pict_type = PictureType.NONE
        yield from self.context.encode(frame)

    def finish(self) -> Iterator[Any]:
        """The packets that are left."""
        yield from self.context.encode(None)


def joined_options(*given: dict[str, str]) -> dict[str, str]:
    """Options of which later ones stand in place of earlier ones; those that hold an encoder's own are put together."""
    found: dict[str, str] = {}
    for name, value in (item for options in given for item in options.items()):
        found[name] = f"{found[name]}:{value}" if name in found and name.endswith("-params") else value
    return found


def set_like(context: Any, like: Any, rate: Fraction, pixel_format: str) -> None:
    """Set an encoder's size, rate, shape of pixels and colours to those of the film."""
    context.width, context.height, context.pix_fmt = like.width, like.height, pixel_format
    context.framerate, context.time_base = rate, 1 / rate
    if like.sample_aspect_ratio:
        context.sample_aspect_ratio = like.sample_aspect_ratio
    for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
        setattr(context, name, getattr(like, name))


def rate_for(rate: Fraction) -> Fraction:
    """A rate near the film's that every encoder takes: MPEG-4 counts time in 16 bits."""
    return rate if rate.numerator <= _MOST_TICKS else Fraction(round(rate * 1000), 1000)


def can_encode(codec: str, rate: Fraction) -> bool:
    """Whether a codec of `CODINGS` is encoded at a rate: MPEG-2 knows only those of television."""
    return codec != "mpeg2video" or rate in _MPEG2_RATES


def pixel_format_for(encoder: str, wanted: str | None) -> str:
    """The film's own pixel format if the encoder takes it, else the one nearest to it."""
    formats = [each.name for each in av.Codec(encoder, "w").video_formats or ()]
    if not formats or wanted in formats:
        return wanted or "yuv420p"
    deep = wanted is not None and any(bits in wanted for bits in ("10", "12", "16"))
    return next((name for name in formats if deep and "10" in name), formats[0])
