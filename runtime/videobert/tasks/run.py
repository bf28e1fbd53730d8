"""`run`: one report of everything that the model can say about a video."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.results import Candidate, Report, ReportSegment
from videobert.stages import Stages
from videobert.tasks.labels import LabelScorer
from videobert.tasks.ranking import check_top
from videobert.tasks.tokens import Request, watch
from videobert.token_file import VisualTokens

if TYPE_CHECKING:
    from videobert.video import Clip

Scores = dict[str, npt.NDArray[np.float64]]


def run(stages: Stages, video: Any, top: int, context_clips: int, request: Request) -> Report:
    """See `Runtime.run`."""
    top = check_top(top)
    began = time.perf_counter()
    scorers = LabelScorer.of_model(stages)
    pictures = _Pictures()
    watched = watch(stages, video, request, pictures.add)
    tokens = watched.tokens
    encoding = time.perf_counter()
    scores = {
        name: scorer.scores(_surroundings(stages, tokens, scorer.longest, context_clips), request.cancel)
        for name, scorer in scorers.items()
    }
    segments = tuple(
        _segment(tokens, scorers, scores, pictures, start, stop, top)
        for start, stop in _stretches(len(tokens), stages.config.window_clips, scores)
    )
    ended = time.perf_counter()
    return Report(
        source=_name(video),
        duration_s=float(tokens.end_s[-1] - tokens.start_s[0]),
        video=watched.info,
        segments=segments,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        timings_s={
            **{stage: watched.seconds[stage] for stage in ("decode", "backbone", "assign")},
            "encode": ended - encoding,
            "total": ended - began,
        },
        origin=watched.origin,
    )


def _surroundings(
    stages: Stages, tokens: VisualTokens, text_pieces: int, context_clips: int
) -> list[npt.NDArray[np.int32]]:
    """For each clip, itself and the neighbours that it is judged with."""
    reach = min(context_clips, (stages.builder.room(text_pieces) - 1) // 2)
    return [tokens.ids[max(0, clip - reach) : clip + reach + 1] for clip in range(len(tokens))]


def _stretches(clips: int, window_clips: int, scores: Scores) -> list[tuple[int, int]]:
    """Neighbouring clips whose best answers are all the same; a model without questions: windows."""
    if not scores:
        return [(start, min(start + window_clips, clips)) for start in range(0, clips, window_clips)]
    answers = np.stack([values.argmax(axis=1) for values in scores.values()], axis=1)
    changes = 1 + np.flatnonzero((answers[1:] != answers[:-1]).any(axis=1))
    bounds = [0, *(int(change) for change in changes), clips]
    return list(pairwise(bounds))


def _segment(
    tokens: VisualTokens,
    scorers: dict[str, LabelScorer],
    scores: Scores,
    pictures: _Pictures,
    start: int,
    stop: int,
    top: int,
) -> ReportSegment:
    return ReportSegment(
        start_s=float(tokens.start_s[start]),
        end_s=float(tokens.end_s[stop - 1]),
        answers={name: _ranked(scorer, scores[name][start:stop], top) for name, scorer in scorers.items()},
        tokens=tuple(int(token) for token in tokens.ids[start:stop]),
        percentile=float(np.median(tokens.percentiles[start:stop])),
        padded_frames=tokens.padded_frames if stop == len(tokens) else 0,
        thumbnail=pictures.best(start, stop),
    )


def _ranked(scorer: LabelScorer, scores: npt.NDArray[np.float64], top: int) -> tuple[Candidate, ...]:
    """The mean probability over the stretch's clips keeps the answer that each of them gave."""
    return scorer.candidates(np.log(np.exp(scores).mean(axis=0)), top)


class _Pictures:
    """Middle frames of clips: all of a short video, evenly fewer of a long one, so that memory stays flat."""

    _MOST = 512

    def __init__(self) -> None:
        self._every = 1
        self._count = 0
        self._kept: dict[int, npt.NDArray[np.uint8]] = {}

    def add(self, clip: Clip) -> None:
        position, self._count = self._count, self._count + 1
        if position % self._every:
            return
        # A copy: a view would keep the whole clip alive.
        self._kept[position] = clip.on_host()[len(clip.frames) // 2].copy()
        if len(self._kept) > self._MOST:
            self._every *= 2
            self._kept = {key: value for key, value in self._kept.items() if key % self._every == 0}

    def best(self, start: int, stop: int) -> npt.NDArray[np.uint8] | None:
        """The kept picture nearest to the middle of clips `start` to `stop - 1`, if there is one among them."""
        middle = (start + stop - 1) / 2
        inside = [position for position in self._kept if start <= position < stop]
        return self._kept[min(inside, key=lambda position: abs(position - middle))] if inside else None


def _name(video: Any) -> str:
    if isinstance(video, (str, Path)):
        return Path(video).name
    if isinstance(video, VisualTokens):
        return "tokens"
    if isinstance(video, (bytes, bytearray, memoryview)):
        return "bytes"
    name = getattr(video, "name", None)
    return Path(name).name if isinstance(name, str) else "frames"
