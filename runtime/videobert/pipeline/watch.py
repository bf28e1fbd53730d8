"""The walk over a video: what happens, as it happens. Decoding runs beside the backbone; memory does not grow.

Whatever needs a video, or the tokens of one, walks here: `watch` to the end for the verbs that answer on the whole of
it, `Walk` event by event for segments that come while it runs. `features` is the part of it that knows no tokens.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from videobert.base.errors import InputError
from videobert.pipeline.assign import BLOCK, Assigner
from videobert.pipeline.events import ClipRead, Ended, Event, FeatureFound, TokenFound
from videobert.pipeline.features import features
from videobert.pipeline.open_video import open_video
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.origin import origin_of_tokens, origin_of_video
from videobert.pipeline.request import Request, Seconds
from videobert.pipeline.saved_tokens import saved_tokens, token_events
from videobert.results.as_json import to_json
from videobert.results.origin import Origin
from videobert.visual.codebook import Assignment
from videobert.visual.grid import on_grid
from videobert.visual.tokens import VisualTokens

if TYPE_CHECKING:
    from videobert.video.clip import Clip
    from videobert.video.given_clips import GivenClips
    from videobert.video.open import VideoSource
    from videobert.video.stream import ClipStream

    Video = VideoSource | Iterable[Clip] | VisualTokens


class Walk:
    """One walk over a video, or over saved tokens.

    Args:
        opened: the model.
        video: see `Runtime`.
        request: how to read it.
        at_once: give what is known of a live source before waiting for its next frame. Otherwise a few clips are on
            their way at any time, as they always are where the source is not live and keeps nobody waiting.

    Attributes:
        saved: the tokens, where the video is given as such.
        live: the source gives frames as they come; known when the walk has begun.
        seconds: busy time of `decode`, `backbone` and `assign`; they overlap.

    Raises:
        InputError: a token file that is damaged.
        MismatchError: tokens of another model.
        ModelError: the model has no codebook yet.
    """

    def __init__(self, opened: OpenedModel, video: Video, request: Request, *, at_once: bool = False) -> None:
        self._recipe = opened.recipe_for(request.stride)
        # Such a model may lack its backbone too, and what is missed first while it works tells nothing.
        opened.check_sees()
        self._opened, self._request, self._at_once = opened, request, at_once
        self.saved = saved_tokens(opened, video, request)
        self._video: Any = video if self.saved is None else None
        self.seconds: Seconds = defaultdict(float)
        self.live = False
        self._clips: ClipStream | GivenClips | None = None
        self._stride = self._recipe.stride if self.saved is None else self.saved.stride

    @property
    def info(self) -> dict[str, Any]:
        """Properties of the video as they are now; empty for saved tokens and before the first clip."""
        info = None if self._clips is None else self._clips.info
        fields: dict[str, Any] = {} if info is None else to_json(info)
        if not fields.get("adjusted"):
            fields.pop("adjusted", None)
        return fields

    @property
    def stride(self) -> int:
        """Every how many clips one is used."""
        return self._stride

    @property
    def assignment(self) -> Assignment:
        """How tokens are chosen."""
        return (self._request.assignment or "flat") if self.saved is None else self.saved.assignment

    @property
    def origin(self) -> Origin:
        """Where an answer made now comes from."""
        origin = dataclasses.replace(self._opened.origin(self._stride), assignment=self.assignment)
        return origin_of_video(origin, self.info) if self.saved is None else origin_of_tokens(origin, self.saved)

    def events(self) -> Generator[Event, None, None]:
        """All that happens, to be walked once; closing the generator at any point releases the video.

        Raises:
            InputError: the video cannot be used, or has no clip.
            Cancelled: once `request.cancel` is set.
        """
        return self._over_video() if self.saved is None else token_events(self.saved)

    def _over_video(self) -> Generator[Event, None, None]:
        clip_s = self._recipe.frames / self._recipe.fps
        found, first_s = 0, 0.0
        ended: Ended | None = None

        def token(id_: int, percentile: float) -> TokenFound:
            start_s, end_s = on_grid(first_s, found * self._stride, clip_s)
            return TokenFound(number=found, id=id_, percentile=percentile, start_s=start_s, end_s=end_s)

        # What was asked for is not kept: an array, or what an iterator has given, may be large.
        video, self._video = self._video, None
        clips = open_video(self._opened, video, self._recipe, self._request)
        del video
        with clips:
            self._clips, self.live = clips, clips.live
            promptly = self._at_once and self.live
            assigner = Assigner(self._opened, self.assignment, 1 if promptly else BLOCK, self.seconds)
            ahead = 0 if promptly else self._opened.engine.parallel + 1
            cancel = self._request.cancel
            steps = features(self._opened.feature, clips, ahead=ahead, cancel=cancel, seconds=self.seconds)
            with closing(steps):
                for step in steps:
                    if isinstance(step, Ended):
                        ended = step
                        continue
                    if isinstance(step, ClipRead) and step.number == 0:
                        first_s, self._stride = step.clip.start_s, clips.stride
                    yield step
                    if isinstance(step, FeatureFound):
                        for id_, percentile in assigner.add(step.feature):
                            yield token(id_, percentile)
                            found += 1
                    del step
                for id_, percentile in assigner.finish():
                    yield token(id_, percentile)
                    found += 1
        if ended is None:
            raise InputError("the video has no clip", fix="Use a video with at least one frame.")
        yield ended


@dataclass(slots=True)
class Watched:
    """A video's tokens, and what was seen on the way.

    Args:
        origin: where an answer about them comes from.
        percentile, out_of_domain: see `Report`.
        info: properties of the stream; empty for saved tokens.
    """

    tokens: VisualTokens
    origin: Origin
    percentile: float
    out_of_domain: bool
    info: dict[str, Any] = field(default_factory=dict)


def watch(opened: OpenedModel, video: Video, request: Request) -> Watched:
    """The visual tokens of a video, or of saved tokens after checking that they fit the model: a whole walk."""
    walk = Walk(opened, video, request)
    tokens = _collected(opened, walk) if walk.saved is None else walk.saved
    percentile = float(np.median(tokens.percentiles))
    return Watched(tokens, walk.origin, percentile, is_out_of_domain(opened, percentile), walk.info)


def is_out_of_domain(opened: OpenedModel, percentile: float) -> bool:
    """Whether a video with this median percentile is unlike what the model was trained on."""
    return percentile > opened.config.out_of_domain_percentile


def _collected(opened: OpenedModel, walk: Walk) -> VisualTokens:
    ids, percentiles = array("i"), array("f")
    for event in walk.events():
        if isinstance(event, TokenFound):
            ids.append(event.id)
            percentiles.append(event.percentile)
        elif isinstance(event, Ended):
            ended = event
    recipe = opened.recipe
    return VisualTokens.on_grid(
        first_s=ended.first_s,
        last_end_s=ended.end_s,
        percentiles=np.array(percentiles, np.float32),
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
    )
