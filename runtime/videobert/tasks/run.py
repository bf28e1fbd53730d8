"""`run`: one report of everything that the model can say about a video."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.results.run import Report, ReportSegment
from videobert.tasks.segments import Segments

# Segments of a report that have a picture; more of a long video would fill the memory.
_MOST_PICTURES = 512


def run(opened: OpenedModel, video: Any, top: int, context_clips: int, with_evidence: bool, request: Request) -> Report:
    """See `Runtime.run`."""
    walked = Segments(opened, video, top, context_clips, with_evidence, request, at_once=False)
    segments = with_few_pictures(walked.steps())
    return dataclasses.replace(walked.report(), segments=segments)


def with_few_pictures(segments: Iterable[ReportSegment]) -> tuple[ReportSegment, ...]:
    """All segments, to be kept: if there are more than 512, some lose their pictures, evenly over the video."""
    kept: list[ReportSegment] = []
    every = 1
    for segment in segments:
        kept.append(segment if len(kept) % every == 0 else _without_picture(segment))
        if len(kept) > _MOST_PICTURES * every:
            every *= 2
            kept = [each if place % every == 0 else _without_picture(each) for place, each in enumerate(kept)]
    return tuple(kept)


def _without_picture(segment: ReportSegment) -> ReportSegment:
    return dataclasses.replace(segment, thumbnail=None)
