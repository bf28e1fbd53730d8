"""`search`: which stretches of an index a text, a video or a stretch of one is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import described, number
from videobert.base.cancelling import stop_if
from videobert.base.errors import LimitExceeded, UsageError
from videobert.families.registry import lacks
from videobert.index.reader import MOST_CANDIDATES, IndexReader, StoredStretch
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import check_top
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.stretches import fitted, identity_of, in_span, see_video, vector_of
from videobert.pipeline.suppression import Moment, Scored, moments
from videobert.pipeline.video_name import video_name
from videobert.pipeline.windows import Window
from videobert.results.origin import Origin
from videobert.results.search import Found, FoundStretch
from videobert.text.reader import ReadText

Method = Literal["vectors", "vectors, alignment", "alignment"]

# Stretches that vectors give for each result that is wanted, to be ordered by alignment and joined, and at least.
_CANDIDATES, _LEAST_CANDIDATES = 5, 50
# How much worse a touching stretch may be and still belong to the moment: log-odds of a text; a cosine.
_WITHIN_LOG_ODDS, _WITHIN_COSINE = 1.0, 0.05
# A joint encoder reads the text with every stretch: 2 to 4 ms each on two cores.
MOST_ALIGNED = 50_000
_ALIGNED_AT_ONCE = 256
_FAR_S = 1e9


@dataclass(slots=True)
class _Answer:
    """What was found.

    Args:
        method: see `Found`.
        scored: by log-odds of a text, or the cosine with a video.
        similarity: of rows, where the model compares.
        calibrated: whether log-odds are those of a probability; None for cosines.
    """

    method: Method
    scored: list[Scored]
    similarity: dict[int, float]
    calibrated: bool | None


def search(
    opened: OpenedModel, query: Any, index: str | Path | IndexReader, span: Any, top: int, request: Request
) -> Found:
    """See `Runtime.search`."""
    top = check_top(top)
    between = _span(query, span)
    reader = index if isinstance(index, IndexReader) else IndexReader(index)
    if isinstance(query, str):
        read = read_text(opened, query)
        reader.identity.check(identity_of(opened, request.stride), reader.folder)
        answer = _by_text(opened, read, reader, top, request)
        said = {"query": query, "kind": "text", "unknown_words": read.unknown_words}
        about = {"percentile": None, "out_of_domain": None}
        origin = opened.origin(request.stride)
    else:
        reader.identity.check(identity_of(opened, request.stride), reader.folder)
        seen = see_video(opened, query, request)
        vector = vector_of(opened, in_span(seen, between), reader.identity, request)
        answer = _by_video(vector, reader, top, opened.threads)
        said = {"query": video_name(query), "kind": "video"}
        about = {"percentile": seen.percentile, "out_of_domain": seen.out_of_domain}
        origin = seen.origin
    hits = _hits(opened, reader, answer, top)
    return Found(
        **said,
        **about,
        span=between,
        method=answer.method,
        hits=hits,
        videos=reader.videos,
        stretches=len(reader),
        fits=_fits(answer, hits),
        origin=_resting(opened, origin, answer, isinstance(query, str)),
    )


def _by_text(opened: OpenedModel, read: ReadText, reader: IndexReader, top: int, request: Request) -> _Answer:
    comparable = opened.embeds.comparable
    if not comparable and not opened.can("aligns"):
        raise lacks(opened.config, "aligns")
    rows = reader.rows()
    if comparable:
        vector = fitted(opened.embeds.vector(read.pieces, None, request.cancel), reader.identity)
        rows, _ = reader.nearest(vector, _candidates(top), threads=opened.threads)
        if not opened.can("aligns"):
            return _by_video(vector, reader, top, opened.threads)
    elif len(rows) > MOST_ALIGNED:
        raise LimitExceeded(
            "this model has no space in common for text and video, so a text is held against every stretch",
            seen=f"{len(rows):,} stretches",
            allowed=f"at most {MOST_ALIGNED:,}",
            fix="Ask by a video or a stretch of one, or use a model with such a space, such as everyday.",
        )
    scored: list[Scored] = []
    similarity: dict[int, float] = {}
    compares, aligns = opened.compares, opened.aligns
    for at in range(0, len(rows), _ALIGNED_AT_ONCE):
        stop_if(request.cancel)
        stored = [reader.stretch(int(row)) for row in rows[at : at + _ALIGNED_AT_ONCE]]
        windows = [_window(each) for each in stored]
        if compares is None:
            values = np.asarray(aligns.log_odds(read.pieces, windows, request.cancel), np.float64)
        else:
            similar = compares.similarity(read.pieces, windows, request.cancel)
            values = compares.as_log_odds(similar)
            similarity |= {each.row: float(value) for each, value in zip(stored, similar, strict=True)}
        scored += [_scored(each, float(value)) for each, value in zip(stored, values, strict=True)]
        if request.on_progress is not None and not comparable:
            request.on_progress(float(min(at + _ALIGNED_AT_ONCE, len(rows))), float(len(rows)))
    return _Answer("vectors, alignment" if comparable else "alignment", scored, similarity, compares is None)


def _by_video(vector: npt.NDArray[np.float32], reader: IndexReader, top: int, threads: int | None) -> _Answer:
    rows, products = reader.nearest(vector, _candidates(top), threads=threads)
    cosines = products.astype(np.float64)
    if not reader.identity.unit:
        lengths = np.array([np.linalg.norm(reader.vector(int(row))) for row in rows])
        cosines = cosines / np.maximum(lengths * np.linalg.norm(vector), 1e-12)
    scored = [_scored(reader.stretch(int(row)), float(value)) for row, value in zip(rows, cosines, strict=True)]
    return _Answer("vectors", scored, {}, None)


def _candidates(top: int) -> int:
    return min(MOST_CANDIDATES, max(_LEAST_CANDIDATES, _CANDIDATES * top))


def _hits(opened: OpenedModel, reader: IndexReader, answer: _Answer, top: int) -> tuple[FoundStretch, ...]:
    within = _WITHIN_COSINE if answer.calibrated is None else _WITHIN_LOG_ODDS
    return tuple(_hit(opened, reader, answer, moment) for moment in moments(answer.scored, top, within))


def _hit(opened: OpenedModel, reader: IndexReader, answer: _Answer, moment: Moment) -> FoundStretch:
    stored = reader.stretch(moment.best.row)
    value = moment.best.value
    percentile = stored.percentile
    return FoundStretch(
        source=stored.source,
        start_s=moment.start_s,
        end_s=moment.end_s,
        score=float(np.exp(-np.logaddexp(0.0, -value))) if answer.calibrated is not None else value,
        similarity=answer.similarity.get(stored.row),
        unsure=stored.unsure,
        out_of_domain=percentile is not None and percentile > opened.config.out_of_domain_percentile,
        thumbnail=reader.picture(stored.row),
    )


def _fits(answer: _Answer, hits: Sequence[FoundStretch]) -> bool | None:
    if not answer.calibrated:
        return None
    return bool(hits) and hits[0].score >= 0.5 and not hits[0].unsure


def _scored(stored: StoredStretch, value: float) -> Scored:
    return Scored(stored.row, stored.file.number, stored.shot, stored.start_s, stored.end_s, value)


def _window(stored: StoredStretch) -> Window:
    clips = max(len(stored.ids), 0 if stored.features is None else len(stored.features))
    return Window(
        start=0,
        stop=clips,
        ids=stored.ids,
        start_s=stored.start_s,
        end_s=stored.end_s,
        percentile=stored.percentile,
        padded_frames=0,
        features=stored.features,
        sure=stored.sure,
    )


def _resting(opened: OpenedModel, origin: Origin, answer: _Answer, text: bool) -> Origin:
    if answer.method == "vectors":
        return opened.resting_on(origin, "embeds", text=text, video=True)
    used = ("aligns",) if answer.method == "alignment" else ("embeds", "aligns")
    return opened.resting_on(origin, *used, text=True, video=True)


def _span(query: Any, span: Any) -> tuple[float, float] | None:
    """The stretch of a video that is asked about, in seconds."""
    if span is None:
        return None
    if isinstance(query, str):
        raise UsageError(
            "a text has no span",
            seen=f"span={described(span)}",
            fix='A str is a text; give a video of that name as pathlib.Path("…").',
            fix_cli="Use --span together with --video.",
        )
    try:
        start, end = span
    except (TypeError, ValueError):
        start = end = None
    if start is None or end is None:
        raise UsageError(
            "span is no stretch of time", seen=described(span), allowed="(start_s, end_s)", fix="Correct it."
        )
    bounds = [
        number("span", each, least=-_FAR_S, most=_FAR_S, allowed="(start_s, end_s), in seconds", fix="Correct it.")
        for each in (start, end)
    ]
    if bounds[0] >= bounds[1]:
        raise UsageError("span ends before it begins", seen=span, allowed="(start_s, end_s)", fix="Correct it.")
    return bounds[0], bounds[1]
