"""The limits on a video, each named in the error that it causes."""

from __future__ import annotations

from fractions import Fraction

from videobert.errors import LimitExceeded
from videobert.limits import Limits


def check_side(width: int, height: int, limits: Limits) -> None:
    """Raise `LimitExceeded` if a picture is too large."""
    if max(width, height) > limits.max_side_px:
        raise LimitExceeded(
            "the picture is too large",
            seen=f"{width}x{height}",
            allowed=f"max_side_px = {limits.max_side_px}",
            fix="Scale the video down, or raise Limits(max_side_px=…).",
            fix_cli="Scale the video down, or raise --max-side-px.",
        )


def check_duration(seconds: float | Fraction, limits: Limits) -> None:
    """Raise `LimitExceeded` if a video is too long."""
    if seconds > limits.max_duration_s:
        raise LimitExceeded(
            "the video is too long",
            seen=f"{float(seconds):.3f} s",
            allowed=f"max_duration_s = {limits.max_duration_s:g}",
            fix="Cut the video, or raise Limits(max_duration_s=…).",
            fix_cli="Cut the video, or raise --max-duration-s.",
        )
