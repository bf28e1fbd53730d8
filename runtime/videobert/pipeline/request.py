"""How a caller wants a video read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TypedDict, Unpack

from videobert.base.arguments import callback, check_track, stop_signal
from videobert.model.recipe import check_stride
from videobert.visual.codebook import Assignment, check_assignment

Progress = Callable[[float, float | None], None]
Seconds = defaultdict[str, float]


class Reading(TypedDict, total=False):
    """The arguments that all verbs share, by their names; see `Request`."""

    stride: int | None
    track: int | None
    on_progress: Progress | None
    cancel: Event | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How the caller wants a video read; the same in every verb.

    Args:
        stride: every how many clips one is used; None is the model's own.
        track: number of the video track, see `open_clips`; None is the one that a player would show.
        assignment: how tokens are chosen, see `Codebook.assign`; None is flat, and for saved tokens whatever they are.
        on_progress: called with seconds done and seconds in total, or None where that is not known.
        cancel: set it to stop the work with `Cancelled`.
    """

    stride: int | None = None
    track: int | None = None
    assignment: Assignment | None = None
    on_progress: Progress | None = None
    cancel: Event | None = None

    @classmethod
    def reading(cls, assignment: Assignment | None = None, /, **asked: Unpack[Reading]) -> Request:
        """The request of a verb; Python's own TypeError for an argument that verbs do not have."""
        unknown = asked.keys() - Reading.__annotations__.keys()
        if unknown:
            raise TypeError(f"unexpected argument {min(unknown)!r}; there are {', '.join(Reading.__annotations__)}")
        return cls(assignment=assignment, **asked)

    def __post_init__(self) -> None:
        if self.stride is not None:
            object.__setattr__(self, "stride", check_stride(self.stride))
        object.__setattr__(self, "track", check_track(self.track))
        if self.assignment is not None:
            check_assignment(self.assignment)
        callback("on_progress", self.on_progress)
        stop_signal(self.cancel)
