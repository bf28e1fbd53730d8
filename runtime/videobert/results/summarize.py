"""What `summarize` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_EMPTY
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin

Why = Literal["rare", "stands_for", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarySpan:
    """A stretch that the summary keeps, and why.

    Args:
        start_s, end_s: a whole shot; or a part, on bounds of clips, of one that is longer than the whole summary or
            shows several things.
        reason: in words: `"rare: …"`, `"stands for 40 s of …"` or `"fits the text"`.
        score: what it adds to `Summary.cover`, over the spans that were chosen before it.
        why: the kind of reason.
        alike_s: seconds of the video that look like it, its own among them.
        stands_for_s: seconds of the video that look like it more than like any other span.
        fits: how well the text fits it, 0 to 1, see `Summary.calibrated`; None without a text.
        part_of: bounds of the shot that it is a part of; None for a whole shot, or where shots are not known.
        evidence: its clips and what each adds to what the span was chosen for, if asked for: to `fits` where `why` is
            `"text"`, else to `score`.
    """

    start_s: float
    end_s: float
    reason: str
    score: float
    why: Why
    alike_s: float
    stands_for_s: float
    fits: float | None = None
    part_of: tuple[float, float] | None = None
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result of `summarize`: stretches that stand for the whole video; iterable over them.

    Args:
        spans: in time order; none overlaps another.
        budget_s: what they may last together; `seconds` is what they do.
        duration_s: length of the video.
        cover: how much of the video they stand for, 0 to 1: the mean similarity of all of it to the nearest span, where
            what is rare counts as much as what goes on for long, and what fits the text counts for more.
        shots_by: what found the shots, see `Report`; None where nobody knows them, as of saved tokens: then the spans
            are stretches that look alike.
        text: that the summary is about; None for the whole video.
        calibrated: whether `SummarySpan.fits` is a probability; if not, the stretch that fits worst has 0 and the best
            1. None without a text.
        unsure: nothing in the video fits the text, by a model that can tell.
        percentile, out_of_domain: see `Report`.
        unknown_words: of the text, see `Fill`.
    """

    spans: tuple[SummarySpan, ...]
    budget_s: float
    duration_s: float
    cover: float
    shots_by: str | None
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    text: str | None = None
    calibrated: bool | None = None
    unsure: bool = False
    unknown_words: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[SummarySpan]:
        return iter(self.spans)

    @property
    def seconds(self) -> float:
        """How long the spans are together."""
        return sum(span.end_s - span.start_s for span in self.spans)
