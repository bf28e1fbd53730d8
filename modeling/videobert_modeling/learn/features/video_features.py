"""What is known of the clips of one video: when each is on screen, and the features of those that were asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert_modeling.learn.data.stretch import Stretch

Feature = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFeatures:
    """The clips of a video from its start on, as far as it was read.

    Args:
        start_s, end_s: float64 `(clips,)`, see `Clip`.
        padded_frames: int64 `(clips,)`.
        complete: the video has no more clips.
        features: float32 `(feature_dim,)` by number of the clip.
    """

    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    padded_frames: npt.NDArray[np.int64]
    complete: bool
    features: Mapping[int, Feature]

    def clips_of(self, stretch: Stretch) -> tuple[int, ...]:
        """Numbers of the clips that stand for a stretch: those whose middle lies in it, or the one around its middle.

        A clip that is filled with repeats of the last picture counts only where there is no other.

        Returns:
            Nothing if the video is over before.
        """
        clips = list(zip(self.start_s.tolist(), self.end_s.tolist(), strict=True))
        inside = [n for n, (start, end) in enumerate(clips) if stretch.holds((start + end) / 2)]
        whole = [n for n in inside if not self.padded_frames[n]]
        if inside or not clips:
            return tuple(whole or inside)
        middle = middle_of(stretch, first_s=clips[0][0], last_s=clips[-1][1])
        return tuple(n for n, (start, end) in enumerate(clips) if start <= middle < end)

    def has(self, stretch: Stretch) -> bool:
        """Whether the features of a stretch are all here, or the video is known to have none."""
        read_s = float(self.start_s[-1]) if len(self.start_s) else 0.0
        reached = self.complete or (stretch.end_s is not None and stretch.end_s <= read_s)
        return reached and all(n in self.features for n in self.clips_of(stretch))


def middle_of(stretch: Stretch, *, first_s: float, last_s: float) -> float:
    """The moment that a short stretch is about: its middle, as far as the video goes.

    Args:
        first_s, last_s: when the video starts and ends.
    """
    start = first_s if stretch.start_s is None else stretch.start_s
    end = last_s if stretch.end_s is None else min(stretch.end_s, last_s)
    return max(start, (start + end) / 2)


def wants(stretch: Stretch, start_s: float, end_s: float, *, first_s: float, is_last: bool) -> bool:
    """Whether a stretch may need the clip from `start_s` to `end_s`, before those after it are known.

    Args:
        first_s: when the video starts.
        is_last: it is not full, so the video is over: a stretch that goes beyond it may have nothing else.
    """
    if stretch.holds((start_s + end_s) / 2):
        return True
    middle = middle_of(stretch, first_s=first_s, last_s=end_s if is_last else math.inf)
    return start_s <= middle < end_s
