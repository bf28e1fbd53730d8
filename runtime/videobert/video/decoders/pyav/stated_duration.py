"""How long a video is, says its container."""

from __future__ import annotations

from fractions import Fraction

from av.container import InputContainer
from av.video.stream import VideoStream

from videobert.base.limits import Limits, check_duration

# Containers whose stated duration is a guess from bit rates or from a clock that wraps.
_NO_DURATION = {"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "mjpeg", "obu"}
# Containers whose stated duration is when the last frame ends, whenever the first one begins; in Flash Video it may be.
_END_FOR_DURATION = {"matroska,webm", "asf"}
_PERHAPS_END_FOR_DURATION = {"flv"}


def stated_duration(container: InputContainer, stream: VideoStream, limits: Limits) -> float | None:
    """The duration in seconds that a container states for a stream, or else for all of them; None if it states none.

    Raises:
        LimitExceeded: it is too long, and not a guess.
    """
    stated: Fraction | None = None
    if stream.duration is not None and stream.time_base:
        stated = stream.duration * stream.time_base
    elif container.duration is not None:
        stated = Fraction(container.duration, 1_000_000)
    if stated is None or stated <= 0:
        return None
    since_start = stated - _stated_start(container, stream)
    if since_start <= 0:
        since_start = stated
    name = container.format.name
    if name in _END_FOR_DURATION:
        stated = since_start
    if name not in _NO_DURATION:
        perhaps = min(stated, since_start) if name in _PERHAPS_END_FOR_DURATION else stated
        check_duration(perhaps, limits)
    return float(stated)


def _stated_start(container: InputContainer, stream: VideoStream) -> Fraction:
    if stream.start_time is not None and stream.time_base:
        return stream.start_time * stream.time_base
    return Fraction(container.start_time or 0, 1_000_000)
