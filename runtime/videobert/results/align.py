"""What `align` returns."""

from __future__ import annotations

from dataclasses import dataclass

from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedWindow:
    """How well a text fits one window of the video: `score` is the probability that they belong together."""

    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The result of `align`.

    Args:
        score: probability that text and video belong together: the mean of the windows' log-odds, squashed.
        windows: the score of each window; one window if the video fits the model's context.
        percentile, out_of_domain: see `Report`.
        unknown_words: see `Fill`.
    """

    text: str
    score: float
    windows: tuple[AlignedWindow, ...]
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    unknown_words: tuple[str, ...] = ()
