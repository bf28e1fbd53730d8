"""Thumbnails: a picture from the middle of a stretch of clips whose end is not known yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from videobert.video.clip import Clip

Picture = npt.NDArray[np.uint8]
# 5 MB of 112 x 112.
_MOST = 128


def middle_picture(clip: Clip) -> Picture:
    """The frame in the middle of a clip."""
    # A copy: a view would keep the whole clip alive.
    picture: Picture = clip.on_host()[len(clip.frames) // 2].copy()
    return picture


class Pictures:
    """One picture for each clip of a stretch: all of a short one, evenly fewer of a long one."""

    def __init__(self) -> None:
        self._every = 1
        self._count = 0
        self._kept: dict[int, Picture] = {}

    def add(self, picture: Picture | None) -> None:
        """The next clip's, if it has one."""
        position, self._count = self._count, self._count + 1
        if picture is None or position % self._every:
            return
        self._kept[position] = picture
        if len(self._kept) > _MOST:
            self._every *= 2
            self._kept = {key: value for key, value in self._kept.items() if key % self._every == 0}

    def middle(self) -> Picture | None:
        """The kept picture that is nearest to the middle, if there is one."""
        middle = (self._count - 1) / 2
        return min(self._kept.items(), key=lambda item: abs(item[0] - middle), default=(0, None))[1]
