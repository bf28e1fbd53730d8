"""The stretch of a video that a caller asks about: what may be one, and the error of one outside the video."""

from __future__ import annotations

from videobert.base.arguments import as_number, described
from videobert.base.errors import InputError, UsageError

Span = tuple[float, float]


def check_span(span: object) -> Span | None:
    """A stretch of time that a caller gave: seconds, its start before its end; None for all of a video.

    Raises:
        UsageError: it is none.
    """
    if span is None:
        return None
    both = list(span) if isinstance(span, (tuple, list)) else []
    numbers = [as_number(each) for each in both]
    if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None and numbers[0] < numbers[1]:
        return float(numbers[0]), float(numbers[1])
    raise UsageError(
        "span is no stretch of time",
        seen=described(span),
        allowed="(start_s, end_s), the start before the end",
        fix="For example span=(1.5, 4.0).",
        fix_cli="For example --span 1.5-4.0.",
    )


def outside(span: Span, start_s: float | None, end_s: float | None) -> InputError:
    """The error of a stretch in which nothing of the video lies.

    Args:
        start_s, end_s: of the video, if they are known.
    """
    return InputError(
        "the span lies outside the video",
        seen=f"{span[0]:g} to {span[1]:g} s",
        allowed=None if start_s is None or end_s is None else f"{start_s:.2f} to {end_s:.2f} s",
        fix="Name a stretch of the video.",
    )
