"""Stills: a few frames from all over a video, evenly apart, each with its own time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from videobert.results.run import Still

if TYPE_CHECKING:
    from videobert.video.clip import Clip

_PER_CLIP = 3
# 2 MB of 112 x 112, however long the video.
_MOST = 48


class Stills:
    """Frames of clips that come in order: some of each clip of a short video, evenly fewer of a long one."""

    def __init__(self) -> None:
        self._every = 1
        self._count = 0
        self._last_s = -math.inf
        self._kept: dict[int, Still] = {}

    def add(self, clip: Clip) -> None:
        """The next clip. A frame that was taken already, in a slow video or at the end of one, is not taken again."""
        samples = len(clip.times_s)
        for part in range(_PER_CLIP):
            position, self._count = self._count, self._count + 1
            sample = (2 * part + 1) * samples // (2 * _PER_CLIP)
            time_s = float(clip.times_s[sample])
            if position % self._every or time_s <= self._last_s:
                continue
            self._last_s = time_s
            # A copy: a view would keep the whole clip alive.
            self._kept[position] = Still(time_s=time_s, picture=clip.on_host()[sample].copy())
            if len(self._kept) > _MOST:
                self._every *= 2
                self._kept = {key: value for key, value in self._kept.items() if key % self._every == 0}

    def all(self) -> tuple[Still, ...]:
        """Those kept, in order."""
        return tuple(self._kept.values())
