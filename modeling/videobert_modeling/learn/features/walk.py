"""One walk over a video: the backbone sees the clips of its stretches that it has not seen before."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.errors import ModelError
from videobert.pipeline.events import ClipRead, FeatureFound
from videobert.pipeline.features import Seen, features
from videobert.video.clip import Clip
from videobert.video.decoders.available import DecoderName as DecoderName
from videobert.video.open import open_clips
from videobert_modeling.codebooks.backbone_source import BackboneSource, Run
from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.video_features import Feature, VideoFeatures, wants

Keep = Callable[[VideoFeatures], None]


def walk(
    video: Path,
    stretches: Sequence[Stretch],
    *,
    backbone: BackboneSource,
    run: Run,
    known: VideoFeatures | None,
    keep: Keep,
    decoder: DecoderName = "auto",
    on_progress: Callable[[float, float | None], None] | None = None,
) -> VideoFeatures:
    """Features of a video's clips as far as `stretches` need them; reading ends with the last of them.

    Args:
        run: the opened backbone.
        known: what is known already; it is not computed again.
        keep: called with what is known at the end, or when the walk breaks off, for whatever reason.
        on_progress: seconds done and in all, see `open_clips`.

    Raises:
        DecodeError, InputError, LimitExceeded: the video cannot be read.
        ModelError: a feature is not finite.
    """
    until = max(math.inf if stretch.end_s is None else stretch.end_s for stretch in stretches)
    found: dict[int, Feature] = dict(known.features) if known is not None else {}
    seen: list[tuple[float, float, int]] = []
    complete = False

    def asked(stream: Iterator[Clip]) -> Iterator[Clip]:
        nonlocal complete
        for clip in stream:
            # One clip beyond the last stretch, so that it is known to have been reached.
            seen.append((clip.start_s, clip.end_s, clip.padded_frames))
            span, first_s, is_last = (clip.start_s, clip.end_s), seen[0][0], clip.padded_frames > 0
            wanted = any(wants(stretch, *span, first_s=first_s, is_last=is_last) for stretch in stretches)
            if wanted and clip.index not in found:
                yield clip
            if clip.start_s >= until:
                return
        complete = True

    def now() -> VideoFeatures:
        times = np.array(seen, np.float64).reshape(-1, 3)
        if known is not None and len(known.start_s) > len(seen):
            # This walk may end before the one that it goes on from.
            before = np.stack([known.start_s, known.end_s, known.padded_frames], axis=1)
            times = np.concatenate([times, before[len(seen) :]])
        return VideoFeatures(
            start_s=times[:, 0].copy(),
            end_s=times[:, 1].copy(),
            padded_frames=times[:, 2].astype(np.int64),
            complete=complete or (known is not None and known.complete),
            features=dict(found),
        )

    def start(frames: Any) -> Future[Seen]:
        future: Future[Seen] = Future()
        future.set_result(Seen(run((frames if isinstance(frames, np.ndarray) else frames.on_host())[None])[0], 0.0))
        return future

    recipe = backbone.recipe.replace(stride=1)
    numbers: list[int] = []
    try:
        with open_clips(video, recipe, decoder=decoder, on_progress=on_progress) as stream:
            events = features(
                start,
                asked(stream),
                ahead=0,
                cancel=None,
                seconds=defaultdict(float),
                not_finite=lambda _, start_s: _not_finite(video, start_s),
            )
            with closing(events):
                for event in events:
                    if isinstance(event, ClipRead):
                        numbers.append(event.clip.index)
                    elif isinstance(event, FeatureFound):
                        found[numbers[event.number]] = event.feature.astype(np.float32)
    finally:
        keep(now())
    return now()


def _not_finite(video: Path, start_s: float) -> ModelError:
    return ModelError(
        "the backbone gave a value that is not finite",
        seen=f"{video}, the clip at {start_s:.2f} s",
        fix="Its weights are damaged or do not fit the recipe: import the backbone again.",
    )
