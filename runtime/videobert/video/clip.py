"""A clip: a stretch of video as the backbone takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.video.device_frames import DeviceFrames


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A stretch of video as the backbone takes it.

    Args:
        index: number of the clip, counted before the stride picks; with stride s the kept ones are 0, s, 2 s, ….
        start_s: presentation time of its first sample.
        end_s: one clip length later; for a padded clip, where the video ends.
        frames: uint8 `(frames, crop, crop, 3)`, RGB: an array, or memory of the GPU where clips are decoded there.
        times_s: float64 `(frames,)`, presentation time of the frame chosen for each sample.
        padded_frames: how many samples at the end repeat the video's last frame because the video is over.
        stride: every how many clips of the video one was kept.
        clip_recipe: `Recipe.clip_hash` of the recipe that made it; a model takes clips of its own recipe only.
    """

    index: int
    start_s: float
    end_s: float
    frames: npt.NDArray[np.uint8] | DeviceFrames
    times_s: npt.NDArray[np.float64]
    padded_frames: int = 0
    stride: int = 1
    clip_recipe: str = ""

    def on_host(self) -> npt.NDArray[np.uint8]:
        """`frames` as an array; a copy if they are on a GPU."""
        return self.frames.on_host() if isinstance(self.frames, DeviceFrames) else self.frames
