"""Which clips of a walk lie in which shot, as far as the cuts are known."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from videobert.pipeline.cut_detectors import SoFar
from videobert.pipeline.events import ClipRead
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.shots import ShotFinder
from videobert.results.run import Shot

if TYPE_CHECKING:
    from videobert.video.stream import OnFrame
    from videobert.visual.tokens import VisualTokens
    from videobert.visual.video_features import VideoFeatures


class ShotParts:
    """The cuts of one walk. A context manager; of one thread.

    A model whose tokens are what a classifier says judges moving pictures, and a clip across a cut shows two scenes:
    its segments part at cuts. Other models know no shots.

    Args:
        opened: the model.
        request: how the video is read.
        always: look for cuts whatever the model is.

    Attributes:
        by: see `Report.shots_by`.
        over: all cuts are known that will be.
    """

    def __init__(self, opened: OpenedModel, request: Request, *, always: bool = False) -> None:
        wanted = always or opened.config.shots is not None or opened.token_classifier is not None
        # Frames that no clip shows are not decoded then, and a network wants all of them.
        every = (request.stride or opened.recipe.stride) == 1
        self._wanted = wanted
        self._finder = ShotFinder(opened, request) if wanted and every else None
        self._known = SoFar([], None)
        self.over = self._finder is None
        self._given = False

    def __enter__(self) -> ShotParts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._finder is not None:
            self._finder.close()

    @property
    def by(self) -> str | None:
        """See `Report.shots_by`."""
        return "saved" if self._given else None if self._finder is None else self._finder.by

    @property
    def on_frame(self) -> OnFrame | None:
        """What a walk tells of every frame."""
        return None if self._finder is None else self._finder.see

    @property
    def unknown(self) -> bool:
        """Once the video is over: cuts matter here, and nobody knows them."""
        return self._wanted and self.by is None

    def take_saved(self, saved: VisualTokens | VideoFeatures) -> None:
        """The cuts that were found when tokens or features were made, if they are wanted."""
        self._finder, self.over = None, True
        if self._wanted and saved.cuts_s is not None:
            self._known, self._given = SoFar(saved.cuts_s.tolist(), None), True

    def see_given(self, event: ClipRead) -> None:
        """A clip of a video that is given as clips, which has no frames of its own."""
        if self._finder is not None:
            self._finder.see_clip(event.clip)

    def decided(self, until_s: float) -> bool:
        """Whether all cuts before this time are known."""
        if self.over or self._finder is None:
            return True
        found = self._finder.so_far()
        if found is None:
            self._finder.close()
            self._finder, self.over = None, True
            return True
        self._known = found
        return found.until_s is not None and found.until_s >= until_s

    def finish(self) -> None:
        """The video is over: all cuts become known."""
        if self._finder is not None and not self.over:
            cuts = self._finder.bounds()
            if cuts is None:
                self._finder = None
            self._known = SoFar(cuts or [], None)
        self.over = True

    def cut_between(self, after_s: float, until_s: float) -> float | None:
        """The last known cut behind one time and up to another."""
        place = bisect_right(self._known.cuts_s, until_s)
        cut = self._known.cuts_s[place - 1] if place else None
        return cut if cut is not None and cut > after_s else None

    def cuts_s(self) -> npt.NDArray[np.float64] | None:
        """All cuts, once the video is over, float64; None where nobody looked for them."""
        return None if self.by is None else np.array(self._known.cuts_s, np.float64)

    def shots(self, start_s: float, end_s: float) -> tuple[Shot, ...]:
        """The stretches between cuts of a video from `start_s` to `end_s`, once it is over."""
        if self.by is None or not self.over:
            return ()
        inside = [cut for cut in self._known.cuts_s if start_s < cut < end_s]
        bounds = [start_s, *inside, end_s]
        return tuple(Shot(start_s=a, end_s=b) for a, b in pairwise(bounds))
