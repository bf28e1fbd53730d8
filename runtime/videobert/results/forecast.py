"""What `forecast` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_EMPTY
from videobert.results.candidate import Candidate
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """A stretch of an indexed video that looks like a forecast token.

    Args:
        source: the video, as the index names it.
        start_s, end_s: where in it.
        score: the cosine of its vector and that of a stretch of the token alone.
    """

    source: str
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastToken:
    """A visual token that may come.

    Args:
        token: its number, 0 to K-1.
        score: its probability, among all visual tokens.
        answers: what the model itself says of this token alone: for each of its questions that tokens answer, the best
            answer; empty in a model without such questions.
        exemplars: the nearest stretches of the index, nearest first; none where no index was given.
    """

    token: int
    score: float
    answers: dict[str, Candidate] = field(default_factory=dict)
    exemplars: tuple[Exemplar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """What may come at one time.

    Args:
        ahead: how many used clips behind the last one, 1 being the next.
        start_s, end_s: when that is, in seconds of the video's time.
        candidates: best first.
        covered: share of the probability of all ways there that was followed, 0 to 1; 1 where none had to be.
    """

    ahead: int
    start_s: float
    end_s: float
    candidates: tuple[ForecastToken, ...]
    covered: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The result of `forecast`; iterable over its horizons.

    Args:
        horizons: as asked for, each number of clips once and rising.
        method: `"next_token"`: a model trained to tell the next token, whose likeliest ways are followed step by step;
            `"masked"`: a model trained to fill in hidden moments, asked for hidden places behind the video.
        context_clips: the last clips of the video that it goes on from.
        until_s: where the last of them ends.
        exemplars_from: `"index"`, or None where there are none: no index was given, and a codebook keeps no clips.
        percentile, out_of_domain: see `Report`.
        evidence: the clips that it goes on from, and what each adds to the score of the likeliest token of the first
            horizon; if asked for.
    """

    horizons: tuple[Horizon, ...]
    method: Literal["next_token", "masked"]
    context_clips: int
    until_s: float
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    exemplars_from: Literal["index"] | None = None
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)

    def __iter__(self) -> Iterator[Horizon]:
        return iter(self.horizons)
