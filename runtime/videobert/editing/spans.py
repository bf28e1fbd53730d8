"""Stretches of a film: what a caller may give as such, and how they snap to frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol

from videobert.base.arguments import as_number, described, items
from videobert.base.errors import InputError, UsageError
from videobert.editing.frame_table import FrameTable
from videobert.editing.pieces import Frames

# Of one list: enough for any film, and soon refused in a file that lies.
MOST_SPANS = 10_000
_EXAMPLE = "[(3.0, 7.5)]"


class Span(Protocol):
    """What has a start and an end, such as a span of `EditPlan` or `Summary`."""

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


SpanLike = Span | tuple[float, float]


def seconds_of(name: str, spans: Iterable[SpanLike]) -> list[tuple[Fraction, Fraction]]:
    """Pairs of seconds, each with its end behind its start.

    Args:
        name: of the argument, for a message.

    Raises:
        UsageError: they are no spans, none, too many, or one is empty or reversed.
    """
    found = []
    for span in items(name, spans, most=MOST_SPANS, of="spans", example=_EXAMPLE):
        pair = _pair(span)
        if pair is None:
            raise UsageError(
                f"{name} must be a list of spans",
                seen=described(span),
                allowed="pairs of seconds, start and end",
                fix=f"For example {_EXAMPLE}.",
            )
        start, end = pair
        if end <= start:
            raise UsageError(
                "a span is reversed" if end < start else "a span is empty",
                seen=f"{float(start):g}-{float(end):g} s",
                allowed="an end behind the start",
                fix="Give the earlier time first." if end < start else "Give it some length.",
            )
        found.append((start, end))
    if not found:
        raise UsageError(f"{name} holds no span", allowed="one or more", fix=f"For example {_EXAMPLE}.")
    return found


def snapped(spans: Sequence[tuple[Fraction, Fraction]], table: FrameTable) -> list[Frames]:
    """Spans as numbers of frames: each bound moves to the nearest beginning of a frame, or the film's end.

    Raises:
        InputError: one lies outside the film, or is so short that no frame is left of it.
    """
    begin, end = table.time(0), table.time(len(table))
    # A frame's length beyond either bound is what rounding elsewhere may have made of it.
    slack = 1 / table.rate
    found = []
    for start_s, end_s in spans:
        if start_s < begin - slack or end_s > end + slack:
            raise InputError(
                "a span lies outside the video",
                seen=f"{float(start_s):g}-{float(end_s):g} s",
                allowed=f"{float(begin):.3f}-{float(end):.3f} s",
                fix="Give times within the video.",
            )
        first, last = table.nearest_bound(start_s), table.nearest_bound(end_s)
        if last <= first:
            raise InputError(
                "a span is shorter than a frame",
                seen=f"{float(start_s):g}-{float(end_s):g} s",
                allowed=f"at least {float(1 / table.rate):.3f} s",
                fix="Give it some length.",
            )
        found.append((first, last))
    return found


def _pair(span: Any) -> tuple[Fraction, Fraction] | None:
    try:
        if hasattr(span, "start_s") and hasattr(span, "end_s"):
            start, end = span.start_s, span.end_s
        else:
            start, end = span
    except Exception:  # no pair, or whatever a foreign object raises
        return None
    numbers = []
    for value in (start, end):
        if isinstance(value, Fraction):
            numbers.append(value)
            continue
        number = as_number(value)
        if number is None or not math.isfinite(number):
            return None
        numbers.append(Fraction(number))
    return numbers[0], numbers[1]
