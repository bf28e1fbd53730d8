"""The walk over a video: what happens, as it happens. Decoding runs beside the backbone; memory does not grow."""

from __future__ import annotations

import dataclasses
from array import array
from collections import defaultdict
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from videobert.base.arguments import local_path
from videobert.base.errors import InputError, MismatchError
from videobert.base.limits import check_duration
from videobert.pipeline.assign import BLOCK, Assigner
from videobert.pipeline.events import ClipRead, Ended, Event, FeatureFound, TokenFound
from videobert.pipeline.features import features
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request, Seconds
from videobert.results.as_json import to_json
from videobert.results.origin import Origin, TokensFrom
from videobert.video.source.kind import kind_of
from videobert.visual.codebook import Assignment
from videobert.visual.token_file import VisualTokens, is_token_file, on_grid

if TYPE_CHECKING:
    from videobert.video.given_clips import GivenClips
    from videobert.video.open import VideoSource
    from videobert.video.stream import ClipStream

    Video = VideoSource | VisualTokens

_READ = ("decoder", "decoder_fallback", "track", "tracks", "frames_left_out", "stills_cut")


class Walk:
    """One walk over a video, or over saved tokens.

    Args:
        stages: the model.
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

    def __init__(self, stages: OpenedModel, video: Video, request: Request, *, at_once: bool = False) -> None:
        self._recipe = stages.recipe_for(request.stride)
        # Such a model may lack its backbone too, and what is missed first while it works tells nothing.
        stages.check_sees()
        if kind_of(video).is_path:
            path = local_path("video", video)
            if is_token_file(path):
                video = VisualTokens.load(path)
        self._stages, self._request, self._at_once = stages, request, at_once
        self._video: Any = video
        self.saved = _accepted(stages, video, request) if isinstance(video, VisualTokens) else None
        self.seconds: Seconds = defaultdict(float)
        self.live = False
        self._clips: ClipStream | GivenClips | None = None
        self._stride = self._recipe.stride if self.saved is None else self.saved.stride

    @property
    def info(self) -> dict[str, Any]:
        """Properties of the video as they are now; empty for saved tokens and before the first clip."""
        info = None if self._clips is None else self._clips.info
        fields: dict[str, Any] = {} if info is None else to_json(info)
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
        origin = dataclasses.replace(self._stages.origin(self._stride), assignment=self.assignment)
        if self.saved is not None:
            made_by = TokensFrom(engine=self.saved.engine, precision=self.saved.precision)
            # Tokens that never were in a file still know what decoded them.
            known = self.saved.origin
            read = {} if known is None else {name: getattr(known, name) for name in _READ}
            return dataclasses.replace(origin, tokens_from=made_by, **read)
        return dataclasses.replace(origin, **_read(self.info))

    def events(self) -> Generator[Event, None, None]:
        """All that happens, to be walked once; closing the generator at any point releases the video.

        Raises:
            InputError: the video cannot be used, or has no clip.
            Cancelled: once `request.cancel` is set.
        """
        return self._over_video() if self.saved is None else self._over_tokens(self.saved)

    def _over_tokens(self, tokens: VisualTokens) -> Generator[Event, None, None]:
        columns = (tokens.ids, tokens.percentiles, tokens.start_s, tokens.end_s)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for number, (id_, percentile, start_s, end_s) in enumerate(rows):
            yield TokenFound(number=number, id=id_, percentile=percentile, start_s=start_s, end_s=end_s)
        yield Ended(
            clips=len(tokens),
            first_s=float(tokens.start_s[0]),
            end_s=float(tokens.end_s[-1]),
            padded_frames=tokens.padded_frames,
        )

    def _over_video(self) -> Generator[Event, None, None]:
        clip_s = self._recipe.frames / self._recipe.fps
        found, first_s = 0, 0.0
        last: tuple[int, float, int] | None = None

        def token(id_: int, percentile: float) -> TokenFound:
            start_s, end_s = on_grid(first_s, found * self._stride, clip_s)
            return TokenFound(number=found, id=id_, percentile=percentile, start_s=start_s, end_s=end_s)

        with self._open() as clips:
            self._clips, self.live = clips, clips.live
            promptly = self._at_once and self.live
            assigner = Assigner(self._stages, self.assignment, 1 if promptly else BLOCK, self.seconds)
            ahead = 0 if promptly else self._stages.engine.parallel + 1
            cancel = self._request.cancel
            steps = features(self._stages.feature, clips, ahead=ahead, cancel=cancel, seconds=self.seconds)
            with closing(steps):
                for step in steps:
                    if isinstance(step, ClipRead):
                        if last is None:
                            first_s, self._stride = step.clip.start_s, clips.stride
                        last = (step.number + 1, step.clip.end_s, step.clip.padded_frames)
                    yield step
                    if isinstance(step, FeatureFound):
                        for id_, percentile in assigner.add(step.feature):
                            yield token(id_, percentile)
                            found += 1
                    del step
                for id_, percentile in assigner.finish():
                    yield token(id_, percentile)
                    found += 1
        if last is None:
            raise InputError("the video has no clip", fix="Use a video with at least one frame.")
        yield Ended(clips=last[0], first_s=first_s, end_s=last[1], padded_frames=last[2])

    def _open(self) -> ClipStream | GivenClips:
        from videobert.video.clips_or_video import clips_or_video
        from videobert.video.open import open_clips

        stages, request = self._stages, self._request
        clips, live, video = clips_or_video(self._video)
        # What was asked for is not kept: an array, or what an iterator has given, may be large.
        self._video = None
        if clips is not None:
            from videobert.video.given_clips import GivenClips

            if request.track:
                raise InputError("clips are of one track", seen=f"track {request.track}", fix="Leave track out.")
            return GivenClips(
                clips,
                self._recipe,
                request.stride,
                live=live,
                limits=stages.limits,
                on_progress=request.on_progress,
                cancel=request.cancel,
            )
        return open_clips(
            video,
            self._recipe,
            limits=stages.limits,
            on_progress=request.on_progress,
            cancel=request.cancel,
            decoder=stages.decoder,
            device=stages.decode_on,
            track=request.track,
            threads=stages.threads,
        )


def _read(info: dict[str, Any]) -> dict[str, Any]:
    """What an origin tells of a video's properties: what is not as in any video, and what decoded it."""
    several = info.get("tracks", 1) > 1
    return {
        "decoder": None if info.get("decoder") == "none" else info.get("decoder"),
        "decoder_fallback": info.get("decoder_fallback"),
        "track": info["track"] if several else None,
        "tracks": info["tracks"] if several else None,
        "frames_left_out": info.get("frames_left_out") or None,
        "stills_cut": info.get("stills_cut") or None,
    }


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


def watch(stages: OpenedModel, video: Video, request: Request) -> Watched:
    """The visual tokens of a video, or of saved tokens after checking that they fit the model: a whole walk."""
    walk = Walk(stages, video, request)
    tokens = _collected(stages, walk) if walk.saved is None else walk.saved
    percentile = float(np.median(tokens.percentiles))
    return Watched(tokens, walk.origin, percentile, is_out_of_domain(stages, percentile), walk.info)


def is_out_of_domain(stages: OpenedModel, percentile: float) -> bool:
    """Whether a video with this median percentile is unlike what the model was trained on."""
    return percentile > stages.config.out_of_domain_percentile


def _collected(stages: OpenedModel, walk: Walk) -> VisualTokens:
    ids, percentiles = array("i"), array("f")
    for event in walk.events():
        if isinstance(event, TokenFound):
            ids.append(event.id)
            percentiles.append(event.percentile)
        elif isinstance(event, Ended):
            ended = event
    recipe = stages.recipe
    return VisualTokens.on_grid(
        first_s=ended.first_s,
        last_end_s=ended.end_s,
        percentiles=np.array(percentiles, np.float32),
        ids=np.array(ids, np.int32),
        padded_frames=ended.padded_frames,
        stride=walk.stride,
        clip_s=recipe.frames / recipe.fps,
        model=stages.config.name,
        codebook=stages.codebook.hash,
        clip_recipe=recipe.clip_hash,
        assignment=walk.assignment,
        engine=stages.engine.name,
        precision=stages.engine.precision,
    )


def _accepted(stages: OpenedModel, tokens: VisualTokens, request: Request) -> VisualTokens:
    clip_s = stages.recipe.frames / stages.recipe.fps
    if (tokens.codebook, tokens.clip_recipe, tokens.clip_s) != (stages.codebook.hash, stages.recipe.clip_hash, clip_s):
        raise MismatchError(
            "these tokens were made by another model",
            seen=f"{tokens.model}, codebook {tokens.codebook}, recipe {tokens.clip_recipe}, clips of {tokens.clip_s} s",
            allowed=f"{stages.config.name}, codebook {stages.codebook.hash}, recipe {stages.recipe.clip_hash}, "
            f"clips of {clip_s} s",
            fix="Load that model, or make the tokens again with this one.",
        )
    if not len(tokens):
        raise InputError("there are no tokens", seen=repr(tokens), fix="Make them from a video with `Runtime.tokens`.")
    if not 0 <= int(tokens.ids.min()) <= int(tokens.ids.max()) < len(stages.codebook):
        raise InputError(
            "a visual token is not in the codebook",
            seen=f"{tokens.ids.min()} to {tokens.ids.max()}",
            allowed=f"0 to {len(stages.codebook) - 1}",
            fix="Make the tokens again from the video.",
        )
    if request.assignment not in (None, tokens.assignment):
        raise MismatchError(
            "these tokens were assigned in another way",
            seen=tokens.assignment,
            allowed=request.assignment,
            fix="Leave assignment out, or make the tokens again from the video.",
            fix_cli="Leave --assignment out, or make the tokens again from the video.",
        )
    if request.track is not None:
        raise MismatchError(
            "saved tokens have no tracks to choose from",
            seen=f"track {request.track}",
            fix="Leave track out, or make the tokens again from the video.",
            fix_cli="Leave --track out, or make the tokens again from the video.",
        )
    check_duration(float(tokens.end_s[-1] - tokens.start_s[0]), stages.limits)
    return tokens if request.stride is None else tokens.strided(request.stride)
