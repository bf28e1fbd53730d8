"""Clips through the backbone: it works on some while the next ones are decoded.

The part of a walk that knows no tokens, and needs neither a codebook nor a built model: a codebook is trained on it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from threading import Event
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import ModelError
from videobert.base.spans import span
from videobert.pipeline.events import ClipRead, Ended, FeatureFound
from videobert.pipeline.request import Seconds

if TYPE_CHECKING:
    from videobert.video.clip import Clip

Feature = npt.NDArray[np.float32]


class Seen(NamedTuple):
    """What the networks saw in one clip.

    Args:
        feature: the backbone's, float32 `(feature_dim,)`.
        busy_s: seconds that it took.
        pictures: for each question that pictures answer its logits, float32 `(labels,)`.
        recomputed: whether the clip lay near a tie and was computed again in fp32.
    """

    feature: Feature
    busy_s: float
    pictures: Mapping[str, npt.NDArray[np.float32]] = MappingProxyType({})
    recomputed: bool = False


# Starts the backbone on the frames of one clip.
Start = Callable[[Any], "Future[Seen]"]
# What to raise of a feature that is not finite: it gets the index of the clip and the second that it starts at.
NotFinite = Callable[[int, float], ModelError]


def not_finite(index: int, start_s: float) -> ModelError:
    """What a loaded model says of a feature that is not finite."""
    return ModelError(
        "the backbone gave a value that is not finite",
        seen=f"clip {index} at {start_s:.2f} s",
        fix='Load the model with precision="fp32"; if that does not help, its weights are damaged.',
        fix_cli="Use --precision fp32; if that does not help, the model's weights are damaged.",
    )


def features(
    start: Start,
    clips: Iterator[Clip],
    *,
    ahead: int,
    cancel: Event | None,
    seconds: Seconds,
    not_finite: NotFinite = not_finite,
) -> Generator[ClipRead | FeatureFound | Ended, None, None]:
    """Clips and their features, each in order, and the end; of no clips at all there is no event.

    Nothing is asked of `clips` before the caller comes for more.

    Args:
        start: the backbone.
        clips: decoded where this runs, in the caller's thread.
        ahead: most clips whose features may be out while the next clip is asked for. With 0 none is: whatever is known
            has been given before this waits for a frame.
        cancel: looked at for each clip.
        seconds: busy time of `decode` and `backbone` is added here; they overlap.
        not_finite: the error of a feature that is not finite.

    Raises:
        ModelError: see `not_finite`.
    """
    pending: deque[_Pending] = deque()
    stills = _Stills(start)
    first_s = 0.0
    last: tuple[int, float, int] | None = None

    def found(clip: _Pending) -> FeatureFound:
        with span("wait"):
            seen = clip.future.result()
        seconds["backbone"] += 0 if clip.again else seen.busy_s
        if not np.isfinite(seen.feature).all():
            raise not_finite(clip.clip_index, clip.start_s)
        recomputed = seen.recomputed and not clip.again
        return FeatureFound(number=clip.number, feature=seen.feature, pictures=seen.pictures, recomputed=recomputed)

    try:
        for number, clip in enumerate(_timed(clips, seconds)):
            stop_if(cancel)
            pending.append(_Pending(number, clip.index, clip.start_s, *stills.start(clip)))
            first_s = clip.start_s if last is None else first_s
            last = number + 1, clip.end_s, clip.padded_frames
            yield ClipRead(number=number, clip=clip)
            # This frame may be suspended for long: it must not hold the pictures.
            del clip
            while len(pending) > ahead:
                stop_if(cancel)
                yield found(pending.popleft())
        while pending:
            stop_if(cancel)
            yield found(pending.popleft())
    finally:
        for clip_on_its_way in pending:
            clip_on_its_way.future.cancel()
    if last is not None:
        yield Ended(clips=last[0], first_s=first_s, end_s=last[1], padded_frames=last[2])


class _Pending(NamedTuple):
    """A clip that the backbone has; `again`: its feature is the one of the clip before."""

    number: int
    clip_index: int
    start_s: float
    future: Future[Seen]
    again: bool


class _Stills:
    """Starts the backbone once for a picture that stands still over several clips.

    Args:
        start: see `features`.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._before: tuple[float, npt.NDArray[np.uint8], Future[Seen]] | None = None

    def start(self, clip: Clip) -> tuple[Future[Seen], bool]:
        """The feature to come, and whether it is the one of the clip before."""
        frames, time_s = clip.frames, float(clip.times_s[0])
        if not isinstance(frames, np.ndarray) or (clip.times_s != time_s).any():
            self._before = None
            return self._start(frames), False
        if self._before is not None:
            before_s, shown, future = self._before
            if before_s == time_s and np.array_equal(shown, frames):
                return future, True
        future = self._start(frames)
        self._before = time_s, frames, future
        return future, False


def _timed(clips: Iterator[Clip], seconds: Seconds) -> Iterator[Clip]:
    while True:
        began = time.perf_counter()
        # What is in none of the spans inside: frame times, and which frames make the clip.
        with span("sample"):
            clip = next(clips, None)
        seconds["decode"] += time.perf_counter() - began
        if clip is None:
            return
        yield clip
        del clip
