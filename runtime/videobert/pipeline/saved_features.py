"""Saved features in place of a video: whether they fit the model, and the walk over them."""

from __future__ import annotations

import os
from collections.abc import Generator
from threading import Event
from typing import Any

import numpy as np

from videobert.base.arguments import local_path
from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, MismatchError
from videobert.base.limits import check_duration
from videobert.pipeline.events import ClipRead, Ended, FeatureFound
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.visual.video_feature_file import is_video_feature_file
from videobert.visual.video_features import VideoFeatures


def saved_features(opened: OpenedModel, video: Any, request: Request) -> VideoFeatures | None:
    """The features that a caller gave in place of a video, as such or as the path of their file; None for a video.

    Raises:
        InputError: a feature file that is damaged, or features of another width.
        MismatchError: features of another backbone or recipe, or not as the request wants them.
        LimitExceeded: they last too long.
    """
    if isinstance(video, (str, os.PathLike)):
        path = local_path("video", video)
        if is_video_feature_file(path):
            video = VideoFeatures.load(path)
    return _accepted(opened, video, request) if isinstance(video, VideoFeatures) else None


def feature_steps(given: VideoFeatures, cancel: Event | None) -> Generator[ClipRead | FeatureFound | Ended, None, None]:
    """What happens on a walk over saved features, but for their tokens; there is one clip at least."""
    for number, feature in enumerate(given.features):
        stop_if(cancel)
        pictures = {name: rows[number].astype(np.float32) for name, rows in given.pictures.items()}
        yield FeatureFound(number=number, feature=feature.astype(np.float32), pictures=pictures)
    yield Ended(clips=len(given), first_s=given.first_s, end_s=given.end_s, padded_frames=given.padded_frames)


def _accepted(opened: OpenedModel, given: VideoFeatures, request: Request) -> VideoFeatures:
    made = (given.backbone, given.clip_recipe)
    wanted = (opened.backbone_hash, opened.recipe.clip_hash)
    if made != wanted:
        raise MismatchError(
            "these features were made by another model",
            seen=f"{given.model}, backbone {made[0]}, recipe {made[1]}",
            allowed=f"{opened.config.name}, backbone {wanted[0]}, recipe {wanted[1]}",
            fix="Load that model, or make the features again with this one.",
        )
    if not len(given) or given.features.shape[1] != opened.config.backbone.feature_dim:
        raise InputError(
            "these features do not fit the model",
            seen=given.features.shape,
            allowed=f"(clips, {opened.config.backbone.feature_dim}), one clip at least",
            fix="Make them from a video with `Runtime.features`.",
            fix_cli="Make them from a video with `videobert features VIDEO --out FILE.vbf`.",
        )
    for name, rows in given.pictures.items():
        question = opened.config.questions.get(name)
        if question is not None and rows.shape[1] != len(question.labels):
            raise InputError(
                f"the logits of the question {name} do not fit the model",
                seen=f"{rows.shape[1]} labels",
                allowed=f"{len(question.labels)}",
                fix="Make the features again from the video.",
            )
    if request.track is not None:
        raise MismatchError(
            "saved features have no tracks to choose from",
            seen=f"track {request.track}",
            fix="Leave track out, or make the features again from the video.",
            fix_cli="Leave --track out, or make the features again from the video.",
        )
    check_duration(given.end_s - given.first_s, opened.limits)
    return given if request.stride is None else given.strided(request.stride)
