"""What `search` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_EMPTY, LEFT_OUT_IF_NONE
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStretch:
    """A stretch of an indexed video that answers a query.

    Args:
        source: absolute path of the video.
        start_s, end_s: touching stretches of one shot that fit about as well are one result.
        score: of a text, the probability that it belongs to the stretch, or of a model that only compares a number
            from 0 to 1 that rises with `similarity`; of a video, the cosine of both vectors.
        similarity: of a model that compares, see `Alignment`; else None.
        unsure: the model does not stand to what it sees there.
        out_of_domain: the stretch is unlike what the model was trained on.
        evidence: the clips of the stretch that fits best, and what each adds to `similarity`, or where there is none to
            `score`; if asked for.
        thumbnail: JPEG from the middle of the stretch that fits best; empty where there is none. Left out of JSON.
    """

    source: str
    start_s: float
    end_s: float
    score: float
    similarity: float | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
    unsure: bool = False
    out_of_domain: bool = False
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)
    thumbnail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of `search`; iterable over its hits.

    Args:
        query: the text, or the name of the video.
        kind: of the query.
        span: the stretch of the video that was asked about, in seconds; None for all of it, or a text.
        method: `"vectors"`: the nearest vectors; `"vectors, alignment"`: those, ordered by how well the text is aligned
            with each; `"alignment"`: all stretches ordered so, as text and video of the model have no space in common.
        hits: best first.
        videos, stretches: that were searched.
        fits: whether the best hit is more likely right than not and the model is sure of what it sees there; None where
            the model gives no probability, or a video was asked about: the best of what there is may be unlike it.
        percentile, out_of_domain: of the video that was asked about, see `Report`; None for a text.
        unknown_words: see `Fill`.
    """

    query: str
    kind: Literal["text", "video"]
    span: tuple[float, float] | None
    method: Literal["vectors", "vectors, alignment", "alignment"]
    hits: tuple[FoundStretch, ...]
    videos: int
    stretches: int
    fits: bool | None
    percentile: float | None
    out_of_domain: bool | None
    origin: Origin
    unknown_words: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[FoundStretch]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)
