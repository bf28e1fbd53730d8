"""Where the shots of a video begin: found beside a walk over it, or in a reading of its own."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any

from videobert.pipeline.cut_detectors import ChangeCuts, CutDetector, NetworkCuts, SoFar
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request

if TYPE_CHECKING:
    from videobert.video.clip import Clip
    from videobert.video.decoders.decoder import TimedFrame
    from videobert.video.small_frames import Small

BY_CHANGES = "differences"


class ShotFinder:
    """Finds the cuts of a video from what a walk over it decodes anyway. A context manager; of one thread.

    Give `see` to `open_video` as its `on_frame`. Where a video is given as clips, `see_clip` takes them: a network that
    was trained on all frames of a film means little there, so what changes between frames decides.

    Args:
        opened: the model, with or without a network for this.
        request: how the video is read.

    Attributes:
        by: what decides: the network's name, or `"differences"`.
    """

    def __init__(self, opened: OpenedModel, request: Request) -> None:
        from videobert.video.small_frames import Shrinker

        shots = opened.config.shots
        self.by: str = BY_CHANGES if shots is None else shots.kind
        self._detector: CutDetector = ChangeCuts()
        if shots is not None:
            self._detector = NetworkCuts(
                opened.run,
                shots.probability_at_least,
                # Where threads are limited, the network takes its turn.
                beside=opened.threads is None,
                cancel=request.cancel,
            )
        self._shrink = Shrinker()
        self._last: Fraction | None = None
        self._last_sample_s: float | None = None
        self._whole = True

    def __enter__(self) -> ShotFinder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def see(self, frame: TimedFrame, time: Fraction) -> None:
        """The next frame of the video. One that came before, as after a decoder gave up, is passed over."""
        if self._last is not None and time <= self._last:
            return
        picture = self._shrink.small(frame)
        if picture is None:
            self._whole = False
            return
        self._last = time
        self.see_small(picture, time)

    def see_small(self, picture: Small, time: Fraction) -> None:
        """The next frame, made small already."""
        self._detector.add(picture, float(time))

    def see_clip(self, clip: Clip) -> None:
        """The next clip of a video that is given as clips."""
        if self._last_sample_s is None:
            self._detector.close()
            self._detector, self.by = ChangeCuts(), BY_CHANGES
        self._whole = self._whole and clip.stride == 1
        if not self._whole:
            return
        for picture, time_s in zip(clip.on_host(), clip.times_s.tolist(), strict=True):
            # A frame that stands for several samples is one frame.
            if self._last_sample_s is None or time_s > self._last_sample_s:
                self._last_sample_s = time_s
                self._detector.add(self._shrink(picture), time_s)

    def so_far(self) -> SoFar | None:
        """What is decided already; None if the walk did not decode all frames."""
        return self._detector.so_far() if self._whole else None

    def bounds(self) -> list[float] | None:
        """Times at which shots begin, without the first, in seconds and rising; to be asked once, at the end.

        None if the walk did not decode all frames: `shot_bounds` reads such a video once more.
        """
        return self._detector.finish() if self._whole else None

    def close(self) -> None:
        """Stop what is still at work; may be called again."""
        self._detector.close()


def shot_bounds(opened: OpenedModel, video: Any, request: Request) -> list[float]:
    """Times at which shots begin, without the first, in seconds and rising, in a reading of the video of its own.

    Args:
        opened: the model, with or without a network for this.
        video: a path, bytes, a file object, frames with their times; see `open_clips`.
        request: how to read it; the stride does not matter.

    Raises:
        InputError, DecodeError, LimitExceeded, Cancelled: see `open_clips`.
    """
    from videobert.video.small_frames import small_frames

    frames = small_frames(
        video,
        opened.recipe,
        limits=opened.limits,
        cancel=request.cancel,
        track=request.track,
        threads=opened.threads,
        decoder_threads=opened.decoder_threads,
    )
    with ShotFinder(opened, request) as finder, closing(frames):
        for picture, time in frames:
            finder.see_small(picture, time)
        return finder.bounds() or []
