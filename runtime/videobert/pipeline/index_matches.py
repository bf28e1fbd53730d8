"""Stretches of an index that match a text or a vector, with what they are ordered by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import LimitExceeded
from videobert.families.family import Pieces
from videobert.index.reader import MOST_CANDIDATES, IndexReader, StoredStretch
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import ScoredStretch
from videobert.pipeline.stretches import fitted, vector_of
from videobert.pipeline.suppression import Moment, Scored, moments
from videobert.pipeline.windows import Window

# Stretches that vectors give for each result that is wanted, to be ordered by alignment and joined, and at least.
_CANDIDATES, _LEAST_CANDIDATES = 5, 50
# Of those so many for each hit are aligned at a time, until there are as many hits as are wanted.
_ALIGNED_PER_HIT = 2
# How much worse a touching stretch may be and still belong to the moment: log-odds of a text; a cosine.
_WITHIN_LOG_ODDS, _WITHIN_COSINE = 1.0, 0.05
# A joint encoder reads the text with every stretch: 2 to 4 ms each on two cores.
MOST_ALIGNED = 50_000
_ALIGNED_AT_ONCE = 256


Judge = Callable[[Sequence[ScoredStretch]], npt.NDArray[np.float64]]


@dataclass(slots=True, kw_only=True)
class Matches:
    """What was found.

    Args:
        method: see `Found`.
        scored: by log-odds of a text, or the cosine with a video.
        log_odds: whether they are those.
        judge: gives the similarity of stretches of clips, or where there is none the score, as hits have it.
        similarity: of rows, where the model compares: their log-odds are those of no probability.
    """

    method: Literal["vectors", "vectors, alignment", "alignment"]
    scored: list[Scored]
    log_odds: bool
    judge: Judge
    similarity: dict[int, float] = field(default_factory=dict)

    @property
    def calibrated(self) -> bool:
        """Whether what they are ordered by are log-odds of a probability."""
        return self.log_odds and not self.similarity

    def moments(self, top: int) -> list[Moment]:
        """The best moments, at most `top`, best first."""
        within = _WITHIN_LOG_ODDS if self.log_odds else _WITHIN_COSINE
        return moments(self.scored, top, within, least=0.0 if self.calibrated else -math.inf)


def matches_of_text(opened: OpenedModel, pieces: Pieces, reader: IndexReader, top: int, request: Request) -> Matches:
    """By vectors, where text and video have a space in common, then by alignment; else by alignment alone.

    Raises:
        ModelError: the model neither has such a space nor aligns.
        LimitExceeded: there are too many stretches to hold a text against each.
    """
    if opened.embeds.comparable:
        vector = fitted(opened.embeds.vector(pieces, None, request.cancel), reader.identity)
        if not opened.can("aligns"):
            return matches_of_vector(opened, vector, reader, top, request)
        rows, _ = reader.nearest(vector, _candidates(top), threads=opened.threads)
        found = Matches(method="vectors, alignment", scored=[], log_odds=True, judge=_by_text(opened, pieces, request))
        # As many as it takes: stretches that touch are one result.
        for at in range(0, len(rows), _ALIGNED_PER_HIT * top):
            _align(found, opened, pieces, reader, rows[at : at + _ALIGNED_PER_HIT * top], request)
            if len(found.moments(top)) == top:
                break
        return found
    opened.need("aligns")
    if len(reader) > MOST_ALIGNED:
        raise LimitExceeded(
            "this model has no space in common for text and video, so a text is held against every stretch",
            seen=f"{len(reader):,} stretches",
            allowed=f"at most {MOST_ALIGNED:,}",
            fix="Ask by a video or a stretch of one, or use a model with such a space, such as everyday.",
        )
    found = Matches(method="alignment", scored=[], log_odds=True, judge=_by_text(opened, pieces, request))
    _align(found, opened, pieces, reader, reader.rows(), request)
    return found


def matches_of_vector(
    opened: OpenedModel, vector: npt.NDArray[np.float32], reader: IndexReader, top: int, request: Request
) -> Matches:
    """By the cosine of vectors."""
    rows, products = reader.nearest(vector, _candidates(top), threads=opened.threads)
    cosines = products.astype(np.float64)
    if not reader.identity.unit:
        lengths = np.array([np.linalg.norm(reader.vector(int(row))) for row in rows])
        cosines = cosines / np.maximum(lengths * np.linalg.norm(vector), 1e-12)
    scored = [_scored(reader.stretch(int(row)), float(value)) for row, value in zip(rows, cosines, strict=True)]

    def judge(stretches: Sequence[ScoredStretch]) -> npt.NDArray[np.float64]:
        theirs = [vector_of(opened, [each], reader.identity, request).astype(np.float64) for each in stretches]
        lengths = [float(np.linalg.norm(each) * np.linalg.norm(vector)) for each in theirs]
        return np.array([each @ vector / max(length, 1e-12) for each, length in zip(theirs, lengths, strict=True)])

    return Matches(method="vectors", scored=scored, log_odds=False, judge=judge)


def _by_text(opened: OpenedModel, pieces: Pieces, request: Request) -> Judge:
    compares, aligns = opened.compares, opened.aligns

    def judge(stretches: Sequence[ScoredStretch]) -> npt.NDArray[np.float64]:
        if compares is not None:
            return np.asarray(compares.similarity(pieces, stretches, request.cancel), np.float64)
        log_odds = np.asarray(aligns.log_odds(pieces, stretches, request.cancel), np.float64)
        return np.exp(-np.logaddexp(0.0, -log_odds))

    return judge


def _align(
    found: Matches,
    opened: OpenedModel,
    pieces: Pieces,
    reader: IndexReader,
    rows: npt.NDArray[np.int64],
    request: Request,
) -> None:
    """Add rows by how well the text is aligned with them."""
    compares, aligns = opened.compares, opened.aligns
    for at in range(0, len(rows), _ALIGNED_AT_ONCE):
        stop_if(request.cancel)
        stored = [reader.stretch(int(row)) for row in rows[at : at + _ALIGNED_AT_ONCE]]
        windows = [_window(each) for each in stored]
        if compares is None:
            values = np.asarray(aligns.log_odds(pieces, windows, request.cancel), np.float64)
        else:
            similar = compares.similarity(pieces, windows, request.cancel)
            values = compares.as_log_odds(similar)
            found.similarity |= {each.row: float(value) for each, value in zip(stored, similar, strict=True)}
        found.scored += [_scored(each, float(value)) for each, value in zip(stored, values, strict=True)]


def _candidates(top: int) -> int:
    return min(MOST_CANDIDATES, max(_LEAST_CANDIDATES, _CANDIDATES * top))


def _scored(stored: StoredStretch, value: float) -> Scored:
    return Scored(stored.row, stored.file.number, stored.shot, stored.start_s, stored.end_s, value)


def _window(stored: StoredStretch) -> Window:
    return Window(
        start=0,
        stop=max(len(stored.ids), 0 if stored.features is None else len(stored.features)),
        ids=stored.ids,
        start_s=stored.start_s,
        end_s=stored.end_s,
        percentile=stored.percentile,
        padded_frames=0,
        features=stored.features,
        sure=stored.sure,
    )
