"""`run`: one report of everything that the model can say about a video."""

from __future__ import annotations

import dataclasses
from typing import Any

from videobert.results import Report, ReportSegment
from videobert.stages import Stages
from videobert.tasks.request import Request
from videobert.tasks.segments import Segments

# Segments of a report that have a picture; more of a long video would fill the memory.
_MOST_PICTURES = 512


def run(stages: Stages, video: Any, top: int, context_clips: int, request: Request) -> Report:
    """See `Runtime.run`."""
    walked = Segments(stages, video, top, context_clips, request, at_once=False)
    kept: list[ReportSegment] = []
    every = 1
    for segment in walked.steps():
        kept.append(segment if len(kept) % every == 0 else _without_picture(segment))
        if len(kept) > _MOST_PICTURES * every:
            every *= 2
            kept = [each if place % every == 0 else _without_picture(each) for place, each in enumerate(kept)]
    return dataclasses.replace(walked.report(), segments=tuple(kept))


def _without_picture(segment: ReportSegment) -> ReportSegment:
    return dataclasses.replace(segment, thumbnail=None)
