"""Clips through the backbone: it works on some while the next ones are decoded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import ModelError
from videobert.pipeline.events import ClipRead, FeatureFound
from videobert.pipeline.request import Seconds

if TYPE_CHECKING:
    from videobert.video.clip import Clip

Feature = npt.NDArray[np.float32]
# Starts the backbone on the frames of one clip; later gives the feature and the seconds that it took.
Start = Callable[[Any], Future[tuple[Feature, float]]]


def features(
    start: Start, clips: Iterator[Clip], *, ahead: int, cancel: Event | None, seconds: Seconds
) -> Generator[ClipRead | FeatureFound, None, None]:
    """Clips and their features, each in order. Nothing is asked of `clips` before the caller comes for more.

    Args:
        start: the backbone.
        clips: decoded where this runs, in the caller's thread.
        ahead: most clips whose features may be out while the next clip is asked for. With 0 none is: whatever is known
            has been given before this waits for a frame.
        cancel: looked at for each clip.
        seconds: busy time of `decode` and `backbone` is added here; they overlap.

    Raises:
        ModelError: a feature that is not finite.
    """
    pending: deque[tuple[int, str, Future[tuple[Feature, float]], bool]] = deque()
    stills = _Stills(start)
    try:
        for number, clip in enumerate(_timed(clips, seconds)):
            stop_if(cancel)
            pending.append((number, f"clip {clip.index} at {clip.start_s:.2f} s", *stills.start(clip)))
            yield ClipRead(number=number, clip=clip)
            # This frame may be suspended for long: it must not hold the pictures.
            del clip
            while len(pending) > ahead:
                stop_if(cancel)
                yield _finished(*pending.popleft(), seconds)
        while pending:
            stop_if(cancel)
            yield _finished(*pending.popleft(), seconds)
    finally:
        for _, _, future, _ in pending:
            future.cancel()


class _Stills:
    """Starts the backbone once for a picture that stands still over several clips.

    Args:
        start: see `features`.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._before: tuple[float, npt.NDArray[np.uint8], Future[tuple[Feature, float]]] | None = None

    def start(self, clip: Clip) -> tuple[Future[tuple[Feature, float]], bool]:
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


def _finished(
    number: int, place: str, future: Future[tuple[Feature, float]], again: bool, seconds: Seconds
) -> FeatureFound:
    feature, busy_s = future.result()
    seconds["backbone"] += 0 if again else busy_s
    if not np.isfinite(feature).all():
        raise ModelError(
            "the backbone gave a value that is not finite",
            seen=place,
            fix='Load the model with precision="fp32"; if that does not help, its weights are damaged.',
            fix_cli="Use --precision fp32; if that does not help, the model's weights are damaged.",
        )
    return FeatureFound(number=number, feature=feature)


def _timed(clips: Iterator[Clip], seconds: Seconds) -> Iterator[Clip]:
    while True:
        began = time.perf_counter()
        clip = next(clips, None)
        seconds["decode"] += time.perf_counter() - began
        if clip is None:
            return
        yield clip
        del clip
