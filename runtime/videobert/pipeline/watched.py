"""A whole walk: what the verbs that answer on all of a video know of it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.pipeline.events import ClipRead, Ended, FeatureFound, TokenFound
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.shot_parts import ShotParts
from videobert.pipeline.watch import Walk
from videobert.results.origin import Origin
from videobert.visual.grid import on_grid
from videobert.visual.tokens import VisualTokens

if TYPE_CHECKING:
    from videobert.pipeline.watch import Video


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipTimes:
    """The clips of a video that has no tokens; see the fields of the same names of `VisualTokens`."""

    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    padded_frames: int

    def __len__(self) -> int:
        return len(self.start_s)


@dataclass(slots=True)
class Watched:
    """A video's clips, their tokens where the model has any, and what was seen on the way.

    Args:
        clips: when each clip is: the tokens themselves, or their like in a model without.
        origin: where an answer about them comes from.
        percentile, out_of_domain: see `Report`.
        features: float32 `(n, feature_dim)`; None where only tokens are known, or the model wants none.
        pictures: for each question that pictures answer its logits, float32 `(n, labels)`.
        info: properties of the stream; empty for saved tokens.
        standing: the last clip is for the most part one frame, repeated, and the model's tokens say what moves: it says
            nothing of its own.
        cuts_s: float64, rising: times at which a new shot begins; None where nobody looked for them.
        shots_by: what found them, see `Report`.
        cuts_unknown: the model parts what it sees at cuts, or was told to, and nobody knows them.
    """

    clips: VisualTokens | ClipTimes
    origin: Origin
    percentile: float | None
    out_of_domain: bool
    features: npt.NDArray[np.float32] | None = None
    pictures: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    standing: bool = False
    cuts_s: npt.NDArray[np.float64] | None = None
    shots_by: str | None = None
    cuts_unknown: bool = False

    @property
    def tokens(self) -> VisualTokens | None:
        """None in a model without tokens."""
        return self.clips if isinstance(self.clips, VisualTokens) else None


def watch(opened: OpenedModel, video: Video, request: Request) -> Watched:
    """The clips of a video, or saved tokens after checking that they fit the model: a whole walk."""
    return _watched(opened, Walk(opened, video, request), None)


def watch_shots(opened: OpenedModel, video: Video, request: Request, *, always: bool = False) -> Watched:
    """As `watch`, and where shots begin, if the video tells.

    Args:
        always: look for them though the model does not know shots, see `ShotParts`.
    """
    with ShotParts(opened, request, always=always) as shots:
        walk = Walk(opened, video, request, on_frame=shots.on_frame)
        if walk.given is not None:
            shots.take_saved(walk.given)
        watched = _watched(opened, walk, shots)
        watched.cuts_s, watched.shots_by, watched.cuts_unknown = shots.cuts_s(), shots.by, shots.unknown
        return watched


def _watched(opened: OpenedModel, walk: Walk, shots: ShotParts | None) -> Watched:
    clips: VisualTokens | ClipTimes
    if walk.saved is not None:
        clips, features = walk.saved, _Features()
    else:
        clips, features = _collected(opened, walk, shots)
    percentiles = clips.percentiles if isinstance(clips, VisualTokens) else None
    percentile = None if percentiles is None else float(np.median(percentiles))
    return Watched(
        clips=clips,
        origin=walk.origin,
        percentile=percentile,
        out_of_domain=is_out_of_domain(opened, percentile),
        features=np.stack(features.rows) if features.rows else None,
        pictures={name: np.stack(rows) for name, rows in features.pictures.items()},
        info=walk.info,
        standing=walk.standing is not None and opened.token_classifier is not None,
    )


def is_out_of_domain(opened: OpenedModel, percentile: float | None) -> bool:
    """Whether a video with this median percentile is unlike what the model was trained on."""
    return percentile is not None and percentile > opened.config.out_of_domain_percentile


@dataclass(slots=True)
class _Features:
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    pictures: dict[str, list[npt.NDArray[np.float32]]] = field(default_factory=dict)


def _collected(opened: OpenedModel, walk: Walk, shots: ShotParts | None) -> tuple[VisualTokens | ClipTimes, _Features]:
    ids, columns = array("i"), {name: array("f") for name in ("percentiles", "scores")}
    sure: list[bool] = []
    clips = 0
    kept = _Features()
    for event in walk.events():
        if isinstance(event, TokenFound):
            clips += 1
            if event.id is not None:
                ids.append(event.id)
            if event.percentile is not None:
                columns["percentiles"].append(event.percentile)
            if event.score is not None and event.sure is not None:
                columns["scores"].append(event.score)
                sure.append(event.sure)
        elif isinstance(event, FeatureFound) and opened.wants_features:
            kept.rows.append(event.feature)
            for name, logits in event.pictures.items():
                kept.pictures.setdefault(name, []).append(logits)
        elif isinstance(event, ClipRead):
            if shots is not None and walk.of_clips:
                shots.see_given(event)
        elif isinstance(event, Ended):
            ended = event
            if shots is not None:
                shots.finish()
    recipe = opened.recipe
    if not opened.has_tokens:
        start_s, end_s = on_grid(ended.first_s, np.arange(clips) * walk.stride, recipe.frames / recipe.fps)
        end_s[-1] = ended.end_s
        return ClipTimes(start_s=start_s, end_s=end_s, padded_frames=ended.padded_frames), kept
    judged: dict[str, Any] = {name: np.array(column, np.float32) for name, column in columns.items() if len(column)}
    if sure:
        judged["sure"] = np.array(sure, np.bool_)
    tokens = VisualTokens.on_grid(
        first_s=ended.first_s,
        last_end_s=ended.end_s,
        ids=np.array(ids, np.int32),
        padded_frames=ended.padded_frames,
        stride=walk.stride,
        clip_s=recipe.frames / recipe.fps,
        model=opened.config.name,
        codebook=opened.codebook.hash,
        clip_recipe=recipe.clip_hash,
        assignment=walk.assignment,
        engine=opened.engine.name,
        precision=opened.engine.precision,
        **judged,
    )
    return tokens, kept
