"""What `events` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from videobert.results.as_json import LEFT_OUT_IF_EMPTY
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that goes on for a stretch of time.

    Args:
        start_s, end_s: bounds in seconds of presentation time; where a shot begins or ends there, exactly so.
        label: what it is.
        score: its probability, the mean over the clips of the stretch.
        question: of the model, which the label answers; None for labels that the caller gave alone.
        evidence: the clips of the stretch and what each adds to `score`, if asked for.
    """

    start_s: float
    end_s: float
    label: str
    score: float
    question: str | None = None
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsureStretch:
    """A stretch of time in which the model leaves a question open, or no label of it is likely enough.

    Args:
        question: see `Event`.
    """

    start_s: float
    end_s: float
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The result of `events`; iterating gives its events.

    Args:
        events: in the order of their starts. They may overlap: a stretch may answer several questions, and several
            labels that a caller gave may fit at once.
        unsure: in the order of their starts.
        changes_s: times at which an event or an unsure stretch begins or ends, without the ends of the video; rising.
        cuts_s: times at which shots begin, without the first; None where nobody could tell.
        at_least: the probability from which a label counts.
        questions: what was asked; empty where the caller gave labels alone.
        start_s, end_s: of the video.
        percentile, out_of_domain: see `Report`.
        unknown_words: see `Classification`.
    """

    events: tuple[Event, ...]
    unsure: tuple[UnsureStretch, ...]
    changes_s: tuple[float, ...]
    cuts_s: tuple[float, ...] | None
    at_least: float
    questions: tuple[str, ...]
    start_s: float
    end_s: float
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    unknown_words: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    @property
    def cuts_unknown(self) -> bool:
        """Nobody knows where shots of the video begin: clips across cuts may mix two scenes."""
        return self.cuts_s is None
