"""`features`: a video as the features of its clips, for later questions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, ModelError
from videobert.pipeline.events import ClipRead, Ended, FeatureFound
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.shot_parts import ShotParts
from videobert.pipeline.watch import Walk
from videobert.visual.video_features import VideoFeatures

Half = npt.NDArray[np.float16]


def features(opened: OpenedModel, video: Any, request: Request) -> VideoFeatures:
    """See `Runtime.features`."""
    shots = ShotParts(opened, request, always=True)
    walk = Walk(opened, video, request, on_frame=shots.on_frame)
    # Of questions that pictures answer, features hold the answers themselves.
    asked = tuple(opened.picture_classifiers)
    if walk.saved is not None:
        raise InputError(
            "tokens do not tell the features that they were made of",
            seen="saved tokens",
            fix="Give the video itself.",
        )
    if walk.features is not None:
        return dataclasses.replace(walk.features, origin=opened.resting_on(walk.origin, video=True, questions=asked))
    rows: list[Half] = []
    pictures: dict[str, list[Half]] = {}
    with shots:
        for event in walk.events():
            if isinstance(event, FeatureFound):
                rows.append(_half(event.feature))
                for name, logits in event.pictures.items():
                    pictures.setdefault(name, []).append(_half(logits))
            elif isinstance(event, ClipRead) and walk.of_clips:
                shots.see_given(event)
            elif isinstance(event, Ended):
                ended = event
        shots.finish()
    recipe = opened.recipe
    return VideoFeatures(
        features=np.stack(rows),
        pictures={name: np.stack(columns) for name, columns in pictures.items()},
        first_s=ended.first_s,
        end_s=ended.end_s,
        padded_frames=ended.padded_frames,
        stride=walk.stride,
        clip_s=recipe.frames / recipe.fps,
        model=opened.config.name,
        backbone=opened.backbone_hash,
        clip_recipe=recipe.clip_hash,
        engine=opened.engine.name,
        precision=opened.engine.precision,
        cuts_s=shots.cuts_s(),
        origin=opened.resting_on(walk.origin, video=True, questions=asked),
    )


def _half(values: npt.NDArray[np.float32]) -> Half:
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise ModelError(
            "the backbone gave a feature that float16 does not hold",
            seen=float(np.abs(values).max()),
            allowed="up to 65,504",
            fix="Use another model, or ask the video itself.",
        )
    return half
