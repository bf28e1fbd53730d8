"""`tokens`: a video as visual tokens. Decoding runs beside the backbone; memory does not grow with the video."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.cancelling import stop_if
from videobert.codebook import ASSIGNMENTS, Assignment
from videobert.errors import InputError, MismatchError, ModelError, UsageError
from videobert.limits import check_duration
from videobert.results import Origin, TokensFrom
from videobert.stages import Stages
from videobert.token_file import VisualTokens, is_token_file

if TYPE_CHECKING:
    from videobert.video import Clip, VideoSource

    Video = VideoSource | VisualTokens

Progress = Callable[[float, float | None], None]
Seconds = defaultdict[str, float]
_ASSIGN_BLOCK = 64
_DECODED = ("decoder", "decoder_fallback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How the caller wants a video read; the same in every verb.

    Args:
        stride: every how many clips one is used; None is the model's own.
        assignment: how tokens are chosen, see `Codebook.assign`; None is flat, and for saved tokens whatever they are.
        on_progress: called with seconds done and seconds in total, or None where that is not known.
        cancel: set it to stop the work with `Cancelled`.
    """

    stride: int | None = None
    assignment: Assignment | None = None
    on_progress: Progress | None = None
    cancel: Event | None = None


@dataclass(slots=True)
class Watched:
    """A video's tokens, and what was seen on the way.

    Args:
        origin: where an answer about them comes from.
        percentile, out_of_domain: see `Report`.
        info: properties of the stream; empty for saved tokens.
        seconds: busy time of decode, backbone and assign; they overlap.
    """

    tokens: VisualTokens
    origin: Origin
    percentile: float
    out_of_domain: bool
    info: dict[str, Any] = field(default_factory=dict)
    seconds: Seconds = field(default_factory=lambda: defaultdict(float))


def tokens(stages: Stages, video: Video, request: Request) -> VisualTokens:
    """See `Runtime.tokens`."""
    watched = watch(stages, video, request)
    return dataclasses.replace(
        watched.tokens, percentile=watched.percentile, out_of_domain=watched.out_of_domain, origin=watched.origin
    )


def watch(stages: Stages, video: Video, request: Request, on_clip: Callable[[Clip], None] | None = None) -> Watched:
    """The visual tokens of a video, or of saved tokens after checking that they fit the model.

    Args:
        video: see `Runtime.tokens`.
        on_clip: called with each clip in order, after its feature is known.
    """
    if request.assignment not in (None, *ASSIGNMENTS):
        raise UsageError(
            "this way of assigning tokens is not known",
            seen=request.assignment,
            allowed=", ".join(ASSIGNMENTS),
            fix="flat is exact.",
        )
    if isinstance(video, (str, os.PathLike)) and is_token_file(Path(os.fsdecode(video))):
        video = VisualTokens.load(os.fsdecode(video))
    if not isinstance(video, VisualTokens):
        return _read(stages, video, request, on_clip)
    accepted = _accepted(stages, video, request)
    made_by = TokensFrom(engine=accepted.engine, precision=accepted.precision)
    # Tokens that never were in a file still know what decoded them.
    decoded = {} if video.origin is None else {name: getattr(video.origin, name) for name in _DECODED}
    return _watched(stages, accepted, tokens_from=made_by, **decoded)


def _watched(stages: Stages, tokens: VisualTokens, **origin: Any) -> Watched:
    """The one place that decides what is out of domain."""
    percentile = float(np.median(tokens.percentiles))
    return Watched(
        tokens,
        dataclasses.replace(stages.origin(tokens.stride), assignment=tokens.assignment, **origin),
        percentile,
        percentile > stages.config.out_of_domain_percentile,
    )


def _accepted(stages: Stages, tokens: VisualTokens, request: Request) -> VisualTokens:
    clip_s = stages.recipe.frames / stages.recipe.fps
    if (tokens.codebook, tokens.clip_recipe, tokens.clip_s) != (stages.codebook.hash, stages.recipe.clip_hash, clip_s):
        raise MismatchError(
            "these tokens were made by another model",
            seen=f"{tokens.model}, codebook {tokens.codebook}, recipe {tokens.clip_recipe}, clips of {tokens.clip_s} s",
            allowed=f"{stages.config.name}, codebook {stages.codebook.hash}, recipe {stages.recipe.clip_hash}, "
            f"clips of {clip_s} s",
            fix="Load that model, or make the tokens again with this one.",
        )
    if request.assignment not in (None, tokens.assignment):
        raise MismatchError(
            "these tokens were assigned in another way",
            seen=tokens.assignment,
            allowed=request.assignment,
            fix="Leave assignment out, or make the tokens again from the video.",
        )
    if len(tokens):
        check_duration(float(tokens.end_s[-1] - tokens.start_s[0]), stages.limits)
    return tokens if request.stride is None else tokens.strided(request.stride)


def _read(stages: Stages, video: VideoSource, request: Request, on_clip: Callable[[Clip], None] | None) -> Watched:
    from videobert.video import open_clips

    recipe = stages.recipe_for(request.stride)
    seconds: Seconds = defaultdict(float)
    assignment = request.assignment or "flat"
    assigner = _Assigner(stages, assignment, seconds)
    first = last = None
    with open_clips(
        video,
        recipe,
        limits=stages.limits,
        on_progress=request.on_progress,
        cancel=request.cancel,
        decoder=stages.decoder,
        device=stages.decode_on,
        threads=stages.threads,
    ) as stream:
        for clip, feature in _features(stages, iter(stream), request.cancel, seconds):
            first = clip.start_s if first is None else first
            last = (clip.end_s, clip.padded_frames)
            assigner.add(feature)
            if on_clip is not None:
                on_clip(clip)
        info = _fields(stream.info)
    if first is None or last is None:
        raise InputError("the video has no clip", fix="Use a video with at least one frame.")
    ids, distances = assigner.finish()
    tokens = VisualTokens.on_grid(
        first_s=first,
        last_end_s=last[0],
        percentiles=stages.codebook.percentile(distances),
        ids=ids,
        padded_frames=last[1],
        stride=recipe.stride,
        clip_s=recipe.frames / recipe.fps,
        model=stages.config.name,
        codebook=stages.codebook.hash,
        clip_recipe=recipe.clip_hash,
        assignment=assignment,
        engine=stages.engine.name,
        precision=stages.engine.precision,
    )
    decoder = None if info["decoder"] == "none" else info["decoder"]
    watched = _watched(stages, tokens, decoder=decoder, decoder_fallback=info["decoder_fallback"])
    return dataclasses.replace(watched, info=info, seconds=seconds)


def _features(
    stages: Stages, clips: Iterator[Clip], cancel: Event | None, seconds: Seconds
) -> Iterator[tuple[Clip, npt.NDArray[np.float32]]]:
    """Clips with their features, in order. The backbone works on some while the next ones are decoded here."""
    pending: deque[tuple[Clip, Future[tuple[npt.NDArray[np.float32], float]]]] = deque()
    try:
        for clip in _timed(clips, seconds):
            stop_if(cancel)
            pending.append((clip, stages.feature(clip.frames)))
            if len(pending) > stages.engine.parallel + 1:
                yield _finished(*pending.popleft(), seconds)
        while pending:
            stop_if(cancel)
            yield _finished(*pending.popleft(), seconds)
    finally:
        for _, future in pending:
            future.cancel()


def _finished(
    clip: Clip, future: Future[tuple[npt.NDArray[np.float32], float]], seconds: Seconds
) -> tuple[Clip, npt.NDArray[np.float32]]:
    feature, busy_s = future.result()
    seconds["backbone"] += busy_s
    if not np.isfinite(feature).all():
        raise ModelError(
            "the backbone gave a value that is not finite",
            seen=f"clip {clip.index} at {clip.start_s:.2f} s",
            fix='Load the model with precision="fp32"; if that does not help, its weights are damaged.',
            fix_cli="Use --precision fp32; if that does not help, the model's weights are damaged.",
        )
    return clip, feature


def _timed(clips: Iterator[Clip], seconds: Seconds) -> Iterator[Clip]:
    while True:
        began = time.perf_counter()
        clip = next(clips, None)
        seconds["decode"] += time.perf_counter() - began
        if clip is None:
            return
        yield clip


class _Assigner:
    """Assigns features to tokens some at a time, so that features need not be kept."""

    def __init__(self, stages: Stages, method: Assignment, seconds: Seconds) -> None:
        self._find, self._method, self._seconds = stages.assign, method, seconds
        self._waiting: list[npt.NDArray[np.float32]] = []
        self._ids: list[npt.NDArray[np.int32]] = []
        self._distances: list[npt.NDArray[np.float32]] = []

    def add(self, feature: npt.NDArray[np.float32]) -> None:
        self._waiting.append(feature)
        if len(self._waiting) == _ASSIGN_BLOCK:
            self._assign()

    def finish(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        if self._waiting:
            self._assign()
        return np.concatenate(self._ids), np.concatenate(self._distances)

    def _assign(self) -> None:
        began = time.perf_counter()
        ids, distances = self._find(np.stack(self._waiting), self._method)
        self._ids.append(ids)
        self._distances.append(distances)
        self._waiting.clear()
        self._seconds["assign"] += time.perf_counter() - began


def _fields(info: Any) -> dict[str, Any]:
    from videobert.results import to_json

    fields: dict[str, Any] = to_json(info)
    return fields
