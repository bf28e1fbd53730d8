"""`search`: which stretches of an index a text, a video or a stretch of one is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.arguments import described
from videobert.base.errors import UsageError
from videobert.families.family import Capability
from videobert.index.reader import IndexReader, StoredStretch
from videobert.pipeline.asked_span import Span, check_span
from videobert.pipeline.evidence import evidence
from videobert.pipeline.index_matches import Matches, matches_of_text, matches_of_vector
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import check_top
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import Clips
from videobert.pipeline.stretches import identity_of, in_span, see_video, vector_of
from videobert.pipeline.suppression import Moment
from videobert.pipeline.video_name import video_name
from videobert.pipeline.watched import ClipTimes
from videobert.results.evidence import Evidence
from videobert.results.search import Found, FoundStretch
from videobert.visual.grid import on_grid


def search(
    opened: OpenedModel,
    query: Any,
    index: str | Path | IndexReader,
    span: Any,
    top: int,
    with_evidence: bool,
    request: Request,
) -> Found:
    """See `Runtime.search`."""
    top = check_top(top)
    between = _span(query, span)
    identity = identity_of(opened, request.stride)
    reader = index if isinstance(index, IndexReader) else IndexReader(index)
    reader.identity.check(identity, reader.folder)
    by_text = isinstance(query, str)
    if by_text:
        read = read_text(opened, query)
        origin, percentile, out_of_domain = opened.origin(request.stride), None, None
        found = matches_of_text(opened, read.pieces, reader, top, request)
    else:
        seen = see_video(opened, query, request)
        origin, percentile, out_of_domain = seen.origin, seen.percentile, seen.out_of_domain
        vector = vector_of(opened, in_span(seen, between), identity, request)
        found = matches_of_vector(opened, vector, reader, top, request)
    hits = tuple(_hit(opened, reader, found, each, with_evidence) for each in found.moments(top))
    return Found(
        query=query if by_text else video_name(query),
        kind="text" if by_text else "video",
        span=between,
        method=found.method,
        hits=hits,
        videos=reader.videos,
        stretches=len(reader),
        fits=_fits(found, hits),
        percentile=percentile,
        out_of_domain=out_of_domain,
        origin=opened.resting_on(origin, *_used(found), text=by_text, video=True),
        unknown_words=read.unknown_words if by_text else (),
    )


def _hit(opened: OpenedModel, reader: IndexReader, found: Matches, moment: Moment, with_evidence: bool) -> FoundStretch:
    stored = reader.stretch(moment.best.row)
    value, percentile = moment.best.value, stored.percentile
    return FoundStretch(
        source=stored.source,
        start_s=moment.start_s,
        end_s=moment.end_s,
        score=float(np.exp(-np.logaddexp(0.0, -value))) if found.log_odds else value,
        similarity=found.similarity.get(stored.row),
        unsure=stored.unsure,
        out_of_domain=percentile is not None and percentile > opened.config.out_of_domain_percentile,
        evidence=_evidence(opened, reader, found, stored) if with_evidence else (),
        thumbnail=reader.picture(stored.row),
    )


def _evidence(opened: OpenedModel, reader: IndexReader, found: Matches, stored: StoredStretch) -> tuple[Evidence, ...]:
    """What each clip of an indexed stretch adds, by what the index keeps of it: no video is read."""
    numbers = reader.identity.stride * np.array(stored.clips)
    starts, ends = on_grid(stored.video_start_s, numbers, opened.recipe.frames / opened.recipe.fps)
    # A clip may reach into another shot.
    bounds = (stored.start_s, stored.end_s)
    times = ClipTimes(start_s=np.clip(starts, *bounds), end_s=np.clip(ends, *bounds), padded_frames=0)

    def column(values: Any, clips: Sequence[int]) -> Any:
        return None if values is None else values[list(clips)]

    def score(groups: Sequence[Sequence[int]]) -> Any:
        return found.judge(
            [
                Clips(
                    ids=stored.ids[list(each)] if len(stored.ids) else stored.ids,
                    features=column(stored.features, each),
                    sure=column(stored.sure, each),
                )
                for each in groups
            ]
        )

    # A clip alone is held against even odds, or no likeness at all.
    nothing = 0.5 if found.calibrated else 0.0
    return evidence(times, range(len(stored.clips)), score, without_any=nothing)


def _fits(found: Matches, hits: Sequence[FoundStretch]) -> bool | None:
    if not found.calibrated:
        return None
    return bool(hits) and hits[0].score >= 0.5 and not hits[0].unsure


def _used(found: Matches) -> tuple[Capability, ...]:
    if found.method == "vectors":
        return ("embeds",)
    return ("aligns",) if found.method == "alignment" else ("embeds", "aligns")


def _span(query: Any, span: Any) -> Span | None:
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
    return check_span(span)
