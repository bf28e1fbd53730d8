"""Explicit limits on untrusted input; each is named in the error that it causes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf

from videobert.base.arguments import instance, number, whole
from videobert.base.errors import LimitExceeded

_MOST_PIXELS = (1 << 31) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a `Runtime` accepts. Raise a field to accept more.

    Args:
        max_duration_s: longest stretch of video that is read, in seconds.
        max_side_px: longest side of a frame, in pixels.
        max_repeated_frames: how many samples in a row one frame may stand for while no other comes; at 20 samples a
            second the default is 20 minutes. Time goes on from a frame that would stand still for longer, as if it had
            not: that is counted in the video's `stills_cut`, and no error.
        max_text_chars: longest text, in characters.

    Raises:
        UsageError: a limit is no number, NaN or below what makes sense.
    """

    max_duration_s: float = 4 * 3600.0
    max_side_px: int = 8192
    max_repeated_frames: int = 24_000
    max_text_chars: int = 100_000

    def __post_init__(self) -> None:
        seconds = number(
            "Limits.max_duration_s",
            self.max_duration_s,
            least=0,
            most=inf,
            allowed="a number of seconds, 0 or more",
            fix="Correct it.",
        )
        object.__setattr__(self, "max_duration_s", seconds)
        for name in ("max_side_px", "max_repeated_frames", "max_text_chars"):
            value = getattr(self, name)
            count = whole(f"Limits.{name}", value, least=1, allowed="a whole number above 0", fix="Correct it.")
            object.__setattr__(self, name, count)


def limits_or_default(limits: Limits | None) -> Limits:
    """The limits that a caller gave, or the default ones for None.

    Raises:
        UsageError: something else was given.
    """
    return Limits() if limits is None else instance("limits", limits, Limits, example="Limits(max_duration_s=60)")


def most_pixels(limits: Limits) -> int:
    """The most pixels of a frame, as FFmpeg can be told; beyond what its option holds it would refuse every video."""
    return min(limits.max_side_px**2, _MOST_PIXELS)


def check_side(width: int, height: int, limits: Limits) -> None:
    """Raise `LimitExceeded` if a picture is too large."""
    if max(width, height) > limits.max_side_px:
        raise LimitExceeded(
            "the picture is too large",
            seen=f"{width}x{height}",
            allowed=f"sides of up to {limits.max_side_px} pixels",
            fix="Scale the video down, or raise Limits(max_side_px=…).",
            fix_cli="Scale the video down, or raise --max-side-px.",
        )


def check_duration(seconds: float | Fraction, limits: Limits) -> None:
    """Raise `LimitExceeded` if a video is too long."""
    if seconds > limits.max_duration_s:
        raise LimitExceeded(
            "the video is too long",
            seen=f"{float(seconds):.3f} s",
            allowed=f"up to {limits.max_duration_s:g} s",
            fix="Cut the video, or raise Limits(max_duration_s=…).",
            fix_cli="Cut the video, or raise --max-duration-s.",
        )
