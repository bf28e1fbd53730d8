"""How a caller wants a video read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from videobert.codebook import Assignment

Progress = Callable[[float, float | None], None]
Seconds = defaultdict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How the caller wants a video read; the same in every verb.

    Args:
        stride: every how many clips one is used; None is the model's own.
        assignment: how tokens are chosen, see `Codebook.assign`; None is flat, and for saved tokens whatever they are.
        on_progress: called with seconds done and seconds in total, or None where that is not known.
        cancel: set it to stop the work with `Cancelled`.
    """

    stride: int | None = None
    assignment: Assignment | None = None
    on_progress: Progress | None = None
    cancel: Event | None = None
