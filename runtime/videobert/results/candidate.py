"""One of the things that an answer may be, with its score."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One ranked answer.

    Args:
        text: the word or label, a piece that goes on the word before it with `##` in front; for a visual position, the
            visual token as text, e.g. `"<712>"`.
        id: the id in the joint vocabulary, or None for a label.
        score: probability for `fill`; for `classify` the prior-corrected score as a probability over the labels.
        log_prior: `classify` only: the text-only log-score that was subtracted.
    """

    text: str
    id: int | None
    score: float
    log_prior: float | None = None
