"""The walk over a video: what happens, as it happens. Decoding runs beside the backbone; memory does not grow.

Whatever needs a video, or the tokens of one, walks here: `watch` to the end for the verbs that answer on the whole of
it, `Walk` event by event for segments that come while it runs. `features` is the part of it that knows no tokens.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Generator, Iterable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from videobert.base.errors import InputError
from videobert.base.spans import span
from videobert.model.folder import no_tokens
from videobert.pipeline.assign import BLOCK, Assigned, Assigner
from videobert.pipeline.events import ClipRead, Ended, Event, FeatureFound, TokenFound
from videobert.pipeline.features import features
from videobert.pipeline.open_video import open_video
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.origin import origin_of_saved, origin_of_video
from videobert.pipeline.request import Request, Seconds
from videobert.pipeline.saved_features import feature_steps, saved_features
from videobert.pipeline.saved_tokens import saved_tokens, token_events
from videobert.results.as_json import to_json
from videobert.results.origin import Origin
from videobert.visual.codebook import Assignment
from videobert.visual.grid import on_grid
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

if TYPE_CHECKING:
    from videobert.video.clip import Clip
    from videobert.video.given_clips import GivenClips
    from videobert.video.info import VideoInfo
    from videobert.video.open import VideoSource
    from videobert.video.stream import ClipStream, OnFrame

    Video = VideoSource | Iterable[Clip] | VisualTokens | VideoFeatures


def info_fields(info: VideoInfo | None) -> dict[str, Any]:
    """Properties of a video as plain values; none of None."""
    fields: dict[str, Any] = {} if info is None else to_json(info)
    if not fields.get("adjusted"):
        fields.pop("adjusted", None)
    return fields


class Walk:
    """One walk over a video, or over saved tokens.

    Args:
        opened: the model.
        video: see `Runtime`.
        request: how to read it.
        at_once: give what is known of a live source before waiting for its next frame. Otherwise a few clips are on
            their way at any time, as they always are where the source is not live and keeps nobody waiting.

        on_frame: see `open_clips`.

    Attributes:
        saved: the tokens, where the video is given as such.
        features: the same of features.
        standing: the number of a last clip that is for the most part one frame, repeated: nothing that moves can be
            told from it. None if there is no such clip; of a video it is known when that clip is read.
        live: the source gives frames as they come; known when the walk has begun.
        seconds: busy time of `decode`, `backbone` and `assign`; they overlap.

    Raises:
        InputError: a token file that is damaged.
        MismatchError: tokens of another model.
        ModelError: the model has no codebook yet, or the request says how tokens are chosen and it has none.
    """

    def __init__(
        self,
        opened: OpenedModel,
        video: Video,
        request: Request,
        *,
        at_once: bool = False,
        on_frame: OnFrame | None = None,
    ) -> None:
        self._recipe = opened.recipe_for(request.stride)
        # Such a model may lack its backbone too, and what is missed first while it works tells nothing.
        opened.check_sees()
        if request.assignment is not None and not opened.has_tokens:
            raise no_tokens(opened.config.name)
        self._opened, self._request, self._at_once = opened, request, at_once
        self._on_frame = on_frame
        self.saved = saved_tokens(opened, video, request)
        self.features = saved_features(opened, video, request) if self.saved is None else None
        self._video: Any = video if self.saved is None and self.features is None else None
        self.seconds: Seconds = defaultdict(float)
        self._recomputed: int | None = None
        self.live = False
        self._clips: ClipStream | GivenClips | None = None
        self._first_s = 0.0
        given = self.given
        self._stride = self._recipe.stride if given is None else given.stride
        self.standing: int | None = None
        if given is not None and 2 * given.padded_frames > self._recipe.frames:
            self.standing = len(given) - 1

    @property
    def given(self) -> VisualTokens | VideoFeatures | None:
        """The saved tokens or features, where the video is given as such."""
        return self.saved if self.saved is not None else self.features

    @property
    def info(self) -> dict[str, Any]:
        """Properties of the video as they are now; empty for saved tokens and before the first clip."""
        return info_fields(None if self._clips is None else self._clips.info)

    @property
    def of_clips(self) -> bool:
        """Whether the video is given as clips, so that its frames are not seen; known once it is opened."""
        return self._clips is not None and self._clips.given

    @property
    def stride(self) -> int:
        """Every how many clips one is used."""
        return self._stride

    @property
    def assignment(self) -> Assignment:
        """How tokens are chosen, where there are any."""
        return (self._request.assignment or "flat") if self.saved is None else self.saved.assignment

    @property
    def origin(self) -> Origin:
        """Where an answer made now comes from."""
        assignment = self.assignment if self._opened.has_tokens else None
        origin = dataclasses.replace(self._opened.origin(self._stride), assignment=assignment)
        given = self.given
        if given is not None:
            return origin_of_saved(origin, given)
        return dataclasses.replace(origin_of_video(origin, self.info), recomputed=self._recomputed)

    def events(self) -> Generator[Event, None, None]:
        """All that happens, to be walked once; closing the generator at any point releases the video.

        Raises:
            InputError: the video cannot be used, or has no clip.
            Cancelled: once `request.cancel` is set.
        """
        if self.saved is not None:
            return token_events(self.saved)
        return self._over_video() if self.features is None else self._over_features(self.features)

    def _over_features(self, given: VideoFeatures) -> Generator[Event, None, None]:
        assigner = Assigner(self._opened, self.assignment, BLOCK, self.seconds)
        self._first_s = given.first_s
        yield from self._with_tokens(feature_steps(given, self._request.cancel), assigner)

    def _over_video(self) -> Generator[Event, None, None]:
        # What was asked for is not kept: an array, or what an iterator has given, may be large.
        video, self._video = self._video, None
        with span("open"):
            clips = open_video(self._opened, video, self._recipe, self._request, self._on_frame)
        del video
        with clips:
            self._clips, self.live = clips, clips.live
            promptly = self._at_once and self.live
            assigner = Assigner(self._opened, self.assignment, 1 if promptly else BLOCK, self.seconds, live=self.live)
            ahead = 0 if promptly else self._opened.engine.parallel + 1
            cancel = self._request.cancel
            self._recomputed = 0 if self._opened.recomputes else None
            start = partial(self._opened.feature, method=self.assignment)
            steps = features(start, clips, ahead=ahead, cancel=cancel, seconds=self.seconds)
            yield from self._with_tokens(steps, assigner)

    def _with_tokens(
        self, steps: Generator[ClipRead | FeatureFound | Ended, None, None], assigner: Assigner
    ) -> Generator[Event, None, None]:
        """The steps, and a token as soon as there is one for a clip's feature."""
        clip_s = self._recipe.frames / self._recipe.fps
        found = 0
        ended: Ended | None = None

        def token(assigned: Assigned) -> TokenFound:
            start_s, end_s = on_grid(self._first_s, found * self._stride, clip_s)
            return TokenFound(number=found, start_s=start_s, end_s=end_s, **assigned._asdict())

        with closing(steps):
            for step in steps:
                if isinstance(step, Ended):
                    ended = step
                    continue
                if isinstance(step, ClipRead):
                    if step.number == 0 and self._clips is not None:
                        self._first_s, self._stride = step.clip.start_s, self._clips.stride
                    if 2 * step.clip.padded_frames > self._recipe.frames:
                        self.standing = step.number
                yield step
                if isinstance(step, FeatureFound):
                    if step.recomputed:
                        self._recomputed = (self._recomputed or 0) + 1
                    for assigned in assigner.add(step.feature, standing=step.number == self.standing):
                        yield token(assigned)
                        found += 1
                del step
            for assigned in assigner.finish():
                yield token(assigned)
                found += 1
        if ended is None:
            raise InputError("the video has no clip", fix="Use a video with at least one frame.")
        yield ended
