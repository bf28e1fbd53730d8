"""A stretch of time as it is typed: `12.5-15`, in seconds, or `1:02:05-1:02:30`."""

from __future__ import annotations

import re

from videobert.base.errors import UsageError

_TIME = r"(?:(?:(\d{1,5}):)?(\d{1,5}):)?(\d{1,9}(?:\.\d{1,9})?)"
# What `videobert` prints itself, with an en dash and the unit, can be typed again.
_SPAN = re.compile(rf"{_TIME}\s*[-–]\s*{_TIME}\s*s?", re.ASCII)


def typed_span(text: str, option: str = "--span") -> tuple[float, float]:
    """The seconds of a stretch.

    Raises:
        UsageError: it is none, or ends before it begins.
    """
    found = _SPAN.fullmatch(text.strip())
    bounds = None if found is None else (_seconds(found.groups()[:3]), _seconds(found.groups()[3:]))
    if bounds is None or bounds[0] >= bounds[1]:
        raise UsageError(
            f"{option} is no stretch of time",
            seen=text,
            allowed="two rising times in seconds or h:mm:ss with a dash between, such as 12.5-15 or 1:05-1:20",
            fix="Correct it.",
        )
    return bounds


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds = (float(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + seconds
