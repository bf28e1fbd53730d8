"""What `locate` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_FALSE
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A stretch of the video that a text fits.

    Args:
        start_s, end_s: its bounds in seconds of presentation time, at cuts where those are known.
        score: the probability that the text fits, where `Located.calibrated`; else a number from 0 to 1 that says where
            it stands between the film's middle (0) and the best hit (1).
        fit: what hits are ranked by: log-odds; a similarity; or by how much the stretch raises the mean log-probability
            of the text's words.
        unsure: the model does not stand to what it sees there, or the odds are below one to the number of stretches
            that were looked at: the best of many fits by accident.
        evidence: the clips of the stretch and what each adds to `fit`, if asked for.
    """

    start_s: float
    end_s: float
    score: float
    fit: float
    unsure: bool = False
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """The result of `locate`.

    Args:
        hits: best first, none over another; empty where the text fits nowhere and the model can tell.
        method: how it was judged: `"alignment"`, a joint encoder's; `"meaning"`, in a space of texts and videos;
            `"pseudo_likelihood"`, by the words that the video makes likelier.
        calibrated: whether the model can tell that a text fits nowhere. If not, there is always a hit, and scores
            compare hits of this text in this video alone.
        percentile, out_of_domain: see `Report`.
        cuts_unknown: nobody knows where shots of the video begin, as of tokens that were saved without, or with a
            stride: stretches may reach over cuts, and clips across them may mix two scenes. Left out of JSON if not.
        unknown_words: see `Fill`.
    """

    text: str
    hits: tuple[Hit, ...]
    method: Literal["alignment", "meaning", "pseudo_likelihood"]
    calibrated: bool
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    cuts_unknown: bool = field(default=False, metadata=LEFT_OUT_IF_FALSE)
    unknown_words: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def found(self) -> bool:
        """Whether there is a hit."""
        return bool(self.hits)

    @property
    def clear(self) -> tuple[Hit, ...]:
        """The hits that reach half of the best one's fit: what to take where a wrong hit costs more than a lost one."""
        if not self.calibrated:
            return tuple(hit for hit in self.hits if 2 * hit.score >= 1)
        return tuple(hit for hit in self.hits if 2 * hit.fit >= self.hits[0].fit)
