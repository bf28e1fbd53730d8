"""Explicit limits on untrusted input; each is named in the error that it causes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a `Runtime` accepts. Raise a field to accept more.

    Args:
        max_duration_s: longest stretch of video that is read, in seconds.
        max_side_px: longest side of a frame, in pixels.
        max_text_chars: longest text, in characters.
    """

    max_duration_s: float = 4 * 3600.0
    max_side_px: int = 8192
    max_text_chars: int = 100_000
