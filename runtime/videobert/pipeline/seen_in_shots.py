"""A whole video as clips that lie in shots, each with what was seen of it: for verbs that say when something is."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.pipeline.asked_span import Span, outside
from videobert.pipeline.assign import BLOCK, Assigned, Assigner
from videobert.pipeline.events import FeatureFound
from videobert.pipeline.features import features
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.origin import origin_of_video
from videobert.pipeline.request import Request
from videobert.pipeline.saved_features import saved_features
from videobert.pipeline.saved_tokens import saved_tokens
from videobert.pipeline.shot_clips import ShotClips
from videobert.pipeline.shots import ShotFinder
from videobert.pipeline.watch import info_fields
from videobert.pipeline.watched import ClipTimes, Watched, is_out_of_domain, watch_shots
from videobert.pipeline.windows import Window, windows
from videobert.results.origin import Origin

_NO_IDS: npt.NDArray[np.int32] = np.zeros(0, np.int32)
# A clip that lies across a cut shows two scenes from this share on.
_OTHER_SHOT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenInShots:
    """A video's clips, each within one shot.

    Args:
        parts: a window of one clip each, in order. Its time is what it stands for: together those of a shot cover it
            without overlap, though clips may overlap. Shots too short to be shown to the model have none.
        shots: for each part the number of its shot.
        start_s, end_s: what of the video was looked at.
        cuts_s: times at which shots begin, without the first; None where nobody could tell, as of tokens that were
            saved without.
        tokens_only: they are saved tokens, of which no features are known.
        origin: where an answer about them comes from.
        percentile, out_of_domain: see `Report`.
    """

    parts: tuple[Window, ...]
    shots: tuple[int, ...]
    start_s: float
    end_s: float
    cuts_s: tuple[float, ...] | None
    tokens_only: bool
    origin: Origin
    percentile: float | None
    out_of_domain: bool

    @property
    def times(self) -> ClipTimes:
        """When each part is."""
        start_s, end_s = (np.array([getattr(part, name) for part in self.parts]) for name in ("start_s", "end_s"))
        return ClipTimes(start_s=start_s, end_s=end_s, padded_frames=0)

    def within(self, start_s: float, end_s: float) -> list[int]:
        """The places of the parts whose middle lies between two times."""
        return [at for at, part in enumerate(self.parts) if start_s <= (part.start_s + part.end_s) / 2 < end_s]

    def by_shot(self) -> list[range]:
        """The places of the parts of each shot that has some."""
        firsts = [place for place in range(len(self.shots)) if place == 0 or self.shots[place - 1] != self.shots[place]]
        return [range(a, b) for a, b in pairwise([*firsts, len(self.shots)])]


def see_in_shots(opened: OpenedModel, video: Any, request: Request, span: Span | None = None) -> SeenInShots:
    """Walk over a whole video, or over saved tokens or features, whose clips lie where they lie.

    A video is read once: its cuts are found in what is decoded for the clips. Of saved tokens or features, and of clips
    that are given, one that lies across a cut is heard only where its shot has no other; it belongs to the shot that
    most of it shows.

    Args:
        span: the stretch to look at; None for all.

    Raises:
        InputError: the video cannot be used, has no clip, or none in the span.
        MismatchError: tokens or features of another model.
        ModelError: the model sees no video.
    """
    from videobert.video.clips_or_video import clips_or_video

    opened.check_sees()
    tokens = saved_tokens(opened, video, request)
    if tokens is not None:
        return _on_grid(opened, watch_shots(opened, tokens, request, always=True), span, tokens_only=True)
    given = saved_features(opened, video, request)
    if given is not None:
        return _on_grid(opened, watch_shots(opened, given, request, always=True), span, tokens_only=False)
    clips, _, video = clips_or_video(video)
    if clips is not None:
        return _on_grid(opened, watch_shots(opened, clips, request, always=True), span, tokens_only=False)
    return _read(opened, video, request, span)


def _read(opened: OpenedModel, video: Any, request: Request, span: Span | None) -> SeenInShots:
    from videobert.video.open import open_clips

    recipe, seconds = opened.recipe_for(request.stride), defaultdict[str, float](float)
    rows: list[npt.NDArray[np.float32]] = []
    pictures: list[dict[str, npt.NDArray[np.float32]]] = []
    recomputed = 0
    with ShotFinder(opened, request) as finder:
        stream = open_clips(
            video,
            recipe.replace(frames=1, stride=1),
            limits=opened.limits,
            on_progress=request.on_progress,
            cancel=request.cancel,
            decoder=opened.decoder,
            track=request.track,
            threads=opened.threads,
            decoder_threads=opened.decoder_threads,
            on_frame=finder.see,
        )
        with stream:
            clips = ShotClips(stream, finder, recipe, stride=recipe.stride, span=span)
            ahead = opened.engine.parallel + 1
            for event in features(opened.feature, clips, ahead=ahead, cancel=request.cancel, seconds=seconds):
                if isinstance(event, FeatureFound):
                    recomputed += event.recomputed
                    rows.append(event.feature)
                    pictures.append({name: logits[None] for name, logits in event.pictures.items()})
            info = info_fields(stream.info)
    end_s = info.get("end_s")
    if not rows:
        raise outside(span, info.get("start_s"), end_s) if span else _no_clip()
    bounds = [clips.start_s, *(clips.cuts_s or []), clips.end_s if end_s is None else min(clips.end_s, end_s)]
    shots = [laid.shot for laid in clips.laid]
    found = _tokens(opened, rows, shots)
    times = _cells([(laid.start_s, laid.end_s) for laid in clips.laid], shots, bounds)
    parts = tuple(
        Window(
            start=place,
            stop=place + 1,
            ids=_NO_IDS if token.id is None else np.array([token.id], np.int32),
            start_s=start_s,
            end_s=end_s,
            percentile=token.percentile,
            padded_frames=0,
            features=feature[None] if opened.wants_features else None,
            scores=None if token.score is None else np.array([token.score], np.float32),
            sure=None if token.sure is None else np.array([token.sure], np.bool_),
            pictures=seen,
        )
        for place, (token, feature, seen, (start_s, end_s)) in enumerate(zip(found, rows, pictures, times, strict=True))
    )
    origin = dataclasses.replace(
        opened.origin(recipe.stride),
        assignment="flat" if opened.has_tokens else None,
        recomputed=recomputed if opened.recomputes else None,
    )
    return _seen(
        opened,
        parts,
        shots,
        bounds,
        None if clips.cuts_s is None else tuple(clips.cuts_s),
        origin_of_video(origin, info),
        tokens_only=False,
    )


def _tokens(opened: OpenedModel, rows: Sequence[npt.NDArray[np.float32]], shots: Sequence[int]) -> list[Assigned]:
    """The token of each clip; what judges it knows only the neighbours of its own shot."""
    found: list[Assigned] = []
    seconds = defaultdict[str, float](float)
    assigner: Assigner | None = None
    for place, row in enumerate(rows):
        if assigner is None or shots[place] != shots[place - 1]:
            found += [] if assigner is None else assigner.finish()
            assigner = Assigner(opened, "flat", BLOCK, seconds)
        found += assigner.add(row)
    return found + ([] if assigner is None else list(assigner.finish()))


def _on_grid(opened: OpenedModel, watched: Watched, span: Span | None, *, tokens_only: bool) -> SeenInShots:
    parts = windows(watched, 1)
    start_s, end_s = parts[0].start_s, parts[-1].end_s
    if span is not None:
        parts = [part for part in parts if min(part.end_s, span[1]) > max(part.start_s, span[0])]
        if not parts:
            raise outside(span, start_s, end_s)
        # A clip at the edge counts if most of what it shows is inside; one alone counts in any case.
        inside = [part for part in parts if span[0] <= (part.start_s + part.end_s) / 2 < span[1]]
        parts = inside or [max(parts, key=lambda part: min(part.end_s, span[1]) - max(part.start_s, span[0]))]
        start_s, end_s = max(start_s, span[0]), min(end_s, span[1])
    cuts = None if watched.cuts_s is None else watched.cuts_s.tolist()
    cuts_in = [cut for cut in cuts or [] if start_s < cut < end_s]
    shots = [bisect_right(cuts_in, (part.start_s + part.end_s) / 2) for part in parts]
    clean = {shot for part, shot in zip(parts, shots, strict=True) if not _across(part, cuts_in)}
    heard = [at for at, shot in enumerate(shots) if shot not in clean or not _across(parts[at], cuts_in)]
    parts, shots = [parts[at] for at in heard], [shots[at] for at in heard]
    bounds = [start_s, *cuts_in, end_s]
    times = _cells([(part.start_s, part.end_s) for part in parts], shots, bounds)
    judged = parts if watched.features is None else _judged_again(opened, parts, shots)
    placed = tuple(
        dataclasses.replace(part, start_s=a, end_s=b, sure=_sure(part, cuts_in))
        for part, (a, b) in zip(judged, times, strict=True)
    )
    return _seen(opened, placed, shots, bounds, None if cuts is None else tuple(cuts_in), watched.origin, tokens_only)


def _judged_again(opened: OpenedModel, parts: Sequence[Window], shots: Sequence[int]) -> list[Window]:
    """Clips whose tokens are told by the neighbours of their own shots alone, as those of a video are."""
    if not opened.has_tokens or opened.token_classifier is None:
        return list(parts)
    rows = [part.features[0] for part in parts if part.features is not None]
    return [
        dataclasses.replace(
            part,
            ids=part.ids if token.id is None else np.array([token.id], np.int32),
            scores=None if token.score is None else np.array([token.score], np.float32),
            sure=None if token.sure is None else np.array([token.sure], np.bool_),
        )
        for part, token in zip(parts, _tokens(opened, rows, shots), strict=True)
    ]


def _across(part: Window, cuts_s: Sequence[float]) -> bool:
    """Whether a good part of a clip shows another shot."""
    least_s = _OTHER_SHOT * (part.end_s - part.start_s)
    return any(least_s < cut - part.start_s and least_s < part.end_s - cut for cut in cuts_s)


def _sure(part: Window, cuts_s: Sequence[float]) -> npt.NDArray[np.bool_] | None:
    """Whether the model stands to a clip: not where it lies across a cut."""
    return part.sure if part.sure is None or not _across(part, cuts_s) else np.zeros_like(part.sure)


def _seen(
    opened: OpenedModel,
    parts: tuple[Window, ...],
    shots: Sequence[int],
    bounds: Sequence[float],
    cuts_s: tuple[float, ...] | None,
    origin: Origin,
    tokens_only: bool,
) -> SeenInShots:
    known = [part.percentile for part in parts if part.percentile is not None]
    percentile = float(np.median(np.array(known, np.float32))) if known else None
    return SeenInShots(
        parts=parts,
        shots=tuple(shots),
        start_s=bounds[0],
        end_s=bounds[-1],
        cuts_s=cuts_s,
        tokens_only=tokens_only,
        origin=origin,
        percentile=percentile,
        out_of_domain=is_out_of_domain(opened, percentile),
    )


def _cells(clips: Sequence[Span], shots: Sequence[int], bounds: Sequence[float]) -> list[Span]:
    """What of its shot each clip stands for: up to the middle between it and the next one, or to where the shot ends.

    Args:
        bounds: where shot 0 begins, where each next one does, and where the last one ends.
    """
    found = []
    for place, ((start_s, end_s), shot) in enumerate(zip(clips, shots, strict=True)):
        first_s = (clips[place - 1][1] + start_s) / 2 if place and shots[place - 1] == shot else bounds[shot]
        if place + 1 < len(clips) and shots[place + 1] == shot:
            last_s = (end_s + clips[place + 1][0]) / 2
        else:
            last_s = bounds[shot + 1]
        found.append((float(first_s), float(last_s)))
    return found


def _no_clip() -> InputError:
    return InputError("the video has no clip", fix="Use a video with at least one frame.")
