"""What `run` returns, and `stream` gives piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.results.as_json import LEFT_OUT_IF_EMPTY, NOT_IN_JSON
from videobert.results.candidate import Candidate
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSegment:
    """One line of a `Report`: a stretch of time in which every answer stays the same.

    Questions about single pictures do not part segments: their answers are of the whole stretch.

    Args:
        answers: for each question of the model, its ranked candidates, best first.
        tokens: visual token ids in this stretch; none in a model without.
        percentile: see `Segment`.
        unsure: the questions that the model leaves open here: what it sees is unlike anything that it knows. Their
            candidates are told all the same.
        thumbnail: uint8 `(height, width, 3)` picture from the middle of the stretch; None from saved tokens.
        evidence: for each question the clips of the stretch, and what each adds to the score of the best answer; empty
            unless asked for.
        sentence: the answers in words, as `caption` by labels has them; None where the model has no questions. Not in
            JSON.
    """

    start_s: float
    end_s: float
    answers: dict[str, tuple[Candidate, ...]]
    tokens: tuple[int, ...]
    percentile: float | None
    padded_frames: int = 0
    unsure: tuple[str, ...] = ()
    thumbnail: npt.NDArray[np.uint8] | None = field(default=None, repr=False)
    evidence: dict[str, tuple[Evidence, ...]] = field(default_factory=dict, repr=False, metadata=LEFT_OUT_IF_EMPTY)
    sentence: str | None = field(default=None, repr=False, metadata=NOT_IN_JSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A stretch of time between two cuts."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Still:
    """One frame of a video: uint8 `(height, width, 3)` picture, as the backbone saw it, and its presentation time."""

    time_s: float
    picture: npt.NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of `run`: everything the model can say about a video.

    Args:
        source: file name, or a word for other kinds of source.
        duration_s: length of video covered.
        video: properties of the stream (codec, width, height, …); empty from saved tokens.
        percentile: median over the clips of the video of what `Segment` says of each; None where they have none.
        out_of_domain: True when that is above the model's `out_of_domain_percentile`: the answers mean little.
        timings_s: seconds spent in each stage, decode, backbone, assign and encode, 0 in one that did not run; and the
            total. Stages run side by side, so they may add up to more than that, and it holds what is no stage's.
        shots: the stretches between cuts, in order; empty where nobody looked for them.
        shots_by: what found the cuts: the name of a network, or `"differences"` of neighbouring frames; None where
            nobody looked.
        stills: at most 48 frames from all over the video, in order; none from saved tokens. Not in JSON.
    """

    source: str
    duration_s: float
    video: dict[str, Any]
    segments: tuple[ReportSegment, ...]
    percentile: float | None
    out_of_domain: bool
    timings_s: dict[str, float]
    origin: Origin
    shots: tuple[Shot, ...] = ()
    shots_by: str | None = None
    stills: tuple[Still, ...] = field(default=(), repr=False)
