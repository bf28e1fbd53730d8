"""A video as the stretches that an index keeps: each inside one shot, with a vector and a thumbnail."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.families.judged import SHARE_OF_SURE_CLIPS
from videobert.index.identity import IndexIdentity
from videobert.index.new_stretches import NewStretches
from videobert.pipeline.asked_span import outside
from videobert.pipeline.events import ClipRead, Ended, FeatureFound, TokenFound
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.pictures import middle_picture
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import ScoredStretch
from videobert.pipeline.shot_parts import ShotParts
from videobert.pipeline.watch import Walk
from videobert.pipeline.watched import is_out_of_domain
from videobert.pipeline.windows import Window
from videobert.results.origin import Origin

# A thumbnail is about 2 KB.
_LONGEST_PX, _QUANTISER = 128, 7


class SeenClip(NamedTuple):
    """What a walk tells of a clip; see `TokenFound` and `FeatureFound`. `shot` is the number of its shot."""

    token: TokenFound
    shot: int
    feature: npt.NDArray[np.float32] | None
    picture: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenVideo:
    """A whole video, clip by clip.

    Args:
        stretches: its clips, parted.
        first_s, end_s: bounds of the video.
        cuts_s: where shots begin, but for the first.
        percentile, out_of_domain: see `Report`.
        origin: where an answer about it comes from.
    """

    stretches: tuple[tuple[SeenClip, ...], ...]
    first_s: float
    end_s: float
    cuts_s: Sequence[float]
    percentile: float | None
    out_of_domain: bool
    origin: Origin

    def bounds(self, stretch: Sequence[SeenClip]) -> tuple[float, float]:
        """When a stretch begins and ends: where its clips do, but not beyond its shot."""
        shot = stretch[0].shot
        before = self.cuts_s[shot - 1] if shot else self.first_s
        behind = self.cuts_s[shot] if shot < len(self.cuts_s) else self.end_s
        # The last one goes on over a clip that says nothing of its own.
        end_s = self.end_s if stretch is self.stretches[-1] else stretch[-1].token.end_s
        return max(stretch[0].token.start_s, before), min(end_s, behind)


def see_video(opened: OpenedModel, video: Any, request: Request, *, pictures: bool = False) -> SeenVideo:
    """Walk over a whole video and part it into stretches: clips of one shot, as many as the model takes at a time.

    Args:
        pictures: whether clips get thumbnails.

    Raises:
        InputError and its kinds: the video cannot be used.
        Cancelled: once `request.cancel` is set.
    """
    from videobert.video.picture.jpeg import jpeg

    tokens: list[TokenFound] = []
    features: dict[int, npt.NDArray[np.float32]] = {}
    shown: dict[int, bytes] = {}
    with ShotParts(opened, request) as shots:
        walk = Walk(opened, video, request, on_frame=shots.on_frame)
        if walk.given is not None:
            shots.take_saved(walk.given)
        for event in walk.events():
            if isinstance(event, ClipRead):
                if pictures:
                    picture = middle_picture(event.clip)
                    shown[event.number] = jpeg(picture, longest_px=_LONGEST_PX, quantiser=_QUANTISER)
                if walk.of_clips:
                    shots.see_given(event)
            elif isinstance(event, FeatureFound):
                if opened.wants_features:
                    features[event.number] = event.feature
            elif isinstance(event, TokenFound):
                tokens.append(event)
            elif isinstance(event, Ended):
                ended = event
        shots.finish()
        cuts = shots.cuts_s()
    inside = [] if cuts is None else [cut for cut in cuts.tolist() if ended.first_s < cut < ended.end_s]
    # A last clip that is one frame for the most part says nothing of what moves: the one before it goes on.
    if walk.standing is not None and len(tokens) > 1 and opened.token_classifier is not None:
        del tokens[walk.standing :]
    seen = [
        SeenClip(
            each,
            bisect_right(inside, (each.start_s + min(each.end_s, ended.end_s)) / 2),
            features.get(each.number),
            shown.get(each.number, b""),
        )
        for each in tokens
    ]
    percentiles = [each.percentile for each in tokens if each.percentile is not None]
    percentile = float(np.median(percentiles)) if percentiles else None
    return SeenVideo(
        stretches=tuple(_parted(seen, opened.config.window_clips)),
        first_s=ended.first_s,
        end_s=ended.end_s,
        cuts_s=inside,
        percentile=percentile,
        out_of_domain=is_out_of_domain(opened, percentile),
        origin=walk.origin,
    )


def _parted(clips: Sequence[SeenClip], most: int) -> list[tuple[SeenClip, ...]]:
    shots = [tuple(shot) for _, shot in groupby(clips, key=lambda clip: clip.shot)]
    return [shot[at : at + most] for shot in shots for at in range(0, len(shot), most)]


def window_of(clips: Sequence[SeenClip], bounds: tuple[float, float]) -> Window:
    """Clips of a stretch, as families take them."""
    sure = [clip.token.sure for clip in clips]
    features = [clip.feature for clip in clips if clip.feature is not None]
    ids = [clip.token.id for clip in clips if clip.token.id is not None]
    percentiles = [clip.token.percentile for clip in clips if clip.token.percentile is not None]
    return Window(
        start=clips[0].token.number,
        stop=clips[-1].token.number + 1,
        ids=np.array(ids, np.int32),
        start_s=bounds[0],
        end_s=bounds[1],
        percentile=float(np.median(percentiles)) if percentiles else None,
        padded_frames=0,
        features=np.stack(features) if features else None,
        sure=None if None in sure else np.array(sure, np.bool_),
    )


def in_span(seen: SeenVideo, span: tuple[float, float] | None) -> list[Window]:
    """The stretches of a video, or their clips within a span: those with most of them in it, one at least.

    Raises:
        InputError: the span lies outside the video.
    """
    if span is None:
        return [window_of(stretch, seen.bounds(stretch)) for stretch in seen.stretches]
    start_s, end_s = span
    if start_s >= seen.end_s or end_s <= seen.first_s:
        raise outside(span, seen.first_s, seen.end_s)

    def share(clip: SeenClip) -> float:
        token = clip.token
        common = min(token.end_s, seen.end_s, end_s) - max(token.start_s, start_s)
        return common / max(1e-9, min(token.end_s - token.start_s, end_s - start_s))

    clips = [clip for stretch in seen.stretches for clip in stretch]
    inside = [clip for clip in clips if share(clip) > 0.5] or [max(clips, key=share)]
    return [window_of(group, span) for group in _parted(inside, len(inside))]


def identity_of(opened: OpenedModel, stride: int | None) -> IndexIdentity:
    """What the vectors of an index by this model are of.

    Raises:
        ModelError: the model embeds nothing.
    """
    family = opened.embeds
    config, origin = opened.config, opened.origin(stride)
    # Where a model compares by dot products, the lengths of its vectors are part of what they say.
    return IndexIdentity(
        model=config.name,
        weights=origin.weights,
        recipe=origin.recipe,
        stride=origin.stride,
        width=vector_width(opened),
        feature_width=config.backbone.feature_dim if opened.wants_features else 0,
        unit=not (family.comparable and opened.compares is not None),
    )


def vector_of(opened: OpenedModel, windows: Sequence[ScoredStretch], identity: IndexIdentity, request: Request) -> Any:
    """The vector of a video's stretches as an index keeps it, float32 `(width,)`."""
    return fitted(opened.embeds.vector(None, windows, request.cancel), identity)


def fitted(vector: npt.NDArray[np.float32], identity: IndexIdentity) -> npt.NDArray[np.float32]:
    """A vector of a family as an index keeps it."""
    if not identity.unit:
        return vector
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / max(length, 1e-12)).astype(np.float32)


def new_stretches(opened: OpenedModel, seen: SeenVideo, identity: IndexIdentity, request: Request) -> NewStretches:
    """The stretches of a video with all that an index keeps of them."""
    clips = [clip for stretch in seen.stretches for clip in stretch]
    windows = [window_of(stretch, seen.bounds(stretch)) for stretch in seen.stretches]
    vectors = []
    for window in windows:
        stop_if(request.cancel)
        vectors.append(vector_of(opened, [window], identity, request))

    def column(name: str, dtype: Any) -> Any:
        values = [getattr(clip.token, name) for clip in clips]
        return None if None in values else np.array(values, dtype)

    features = [clip.feature for clip in clips if clip.feature is not None]
    return NewStretches(
        start_s=np.array([window.start_s for window in windows]),
        end_s=np.array([window.end_s for window in windows]),
        clips=np.array([len(stretch) for stretch in seen.stretches]),
        shots=np.array([stretch[0].shot for stretch in seen.stretches]),
        percentiles=np.array(
            [np.nan if window.percentile is None else window.percentile for window in windows], np.float32
        ),
        unsure=np.array([_unsure(window) for window in windows]),
        vectors=np.stack(vectors),
        pictures=[stretch[len(stretch) // 2].picture for stretch in seen.stretches],
        ids=column("id", np.int32),
        scores=column("score", np.float32),
        sure=column("sure", np.bool_),
        features=np.stack(features) if features else np.zeros((len(clips), identity.feature_width), np.float32),
        duration_s=seen.end_s - seen.first_s,
        percentile=seen.percentile,
        out_of_domain=seen.out_of_domain,
    )


def _unsure(window: Window) -> bool:
    return window.sure is not None and float(window.sure.mean()) < SHARE_OF_SURE_CLIPS


def vector_width(opened: OpenedModel) -> int:
    """Values of a vector of the model."""
    config = opened.config
    towers = config.two_towers
    return config.encoder.width if towers is None else towers.width
