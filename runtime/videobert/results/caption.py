"""What `caption` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_EMPTY, LEFT_OUT_IF_FALSE
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin

CaptionMethod = Literal["decoder", "labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A sentence about a stretch of time.

    Args:
        start_s, end_s: bounds in seconds of presentation time.
        text: the sentence; where the model is unsure it says so, and not what is seen.
        score: by labels the mean probability of those that the sentence names, 0 where it names none; by a decoder the
            geometric mean of its words' probabilities.
        unsure: the model does not stand to what it sees there.
        evidence: the clips of the stretch and what each adds to the sentence, if asked for, on the scale of `score`:
            by labels the mean probability there of those that the sentence names. Empty where it names none.
    """

    start_s: float
    end_s: float
    text: str
    score: float
    unsure: bool
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """The result of `caption`; iterating gives its captions.

    Args:
        segments: in the order of time, without overlap.
        method: `"decoder"`: a network wrote the sentences; `"labels"`: they are made of the model's answers to its
            questions, and say nothing that is not among those.
        percentile, out_of_domain: see `Report`.
        cuts_unknown: nobody knows where shots of the video begin, as of tokens that were saved without, or with a
            stride: stretches may reach over cuts, and clips across them may mix two scenes. Left out of JSON if not.
    """

    segments: tuple[Caption, ...]
    method: CaptionMethod
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    cuts_unknown: bool = field(default=False, metadata=LEFT_OUT_IF_FALSE)

    def __iter__(self) -> Iterator[Caption]:
        return iter(self.segments)

    def __len__(self) -> int:
        return len(self.segments)
