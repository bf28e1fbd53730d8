"""The shape of a stored sample, as the container or the codec states it."""

from __future__ import annotations

from fractions import Fraction

from av.video.stream import VideoStream

# Wider and narrower ones are mistakes: no format in use goes past 4.
_MOST = 8


def stated_aspect(stream: VideoStream) -> Fraction:
    """Width of a sample over its height: the container's, else the codec's; 1 where neither states one that can be."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(ratio) if ratio and Fraction(1, _MOST) <= ratio <= _MOST else Fraction(1)
