"""Clips that lie in shots: none of them shows two, so what is said of one is said of one scene."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from videobert.pipeline.cut_detectors import SoFar
from videobert.video.clip import Clip

if TYPE_CHECKING:
    from videobert.model.recipe import Recipe

# The share of a clip that a shot has at least to be shown to the model, and that is worth a clip of its own at the end
# of a longer one: an eighth. So a film of flashes costs eight times what a calm one does, and no more.
_LEAST_SHARE = 8
# Samples between two looks at which cuts are decided.
_LOOK_EVERY = 8


class Cuts(Protocol):
    """Finds the cuts of the video that is being read; see `ShotFinder`."""

    def so_far(self) -> SoFar | None:
        """What is decided already; None if cuts cannot be told."""
        ...

    def bounds(self) -> list[float] | None:
        """All cuts, once, at the end."""
        ...


class Laid(NamedTuple):
    """Where a clip was laid: the number of its shot, and the times of its first sample and behind its last."""

    shot: int
    start_s: float
    end_s: float


class ShotClips(Iterator[Clip]):
    """Clips of samples that come one by one, laid from the beginning of each shot on.

    They follow each other without a gap, or with the stride's; one more ends where the shot does, and overlaps the one
    before it. A shot shorter than a clip is one clip, its last sample repeated; one of less than an eighth of a clip
    has none. Memory does not grow with a shot's length.

    Args:
        samples: one frame each, see `Recipe.frames`; in order.
        cuts: of the same reading of the video.
        recipe: of the clips.
        stride: every how many clips of a shot one is laid.
        span: seconds to look at; what is before and behind is as cut off. None for all.

    Attributes:
        laid: of each clip that was given.
        cuts_s: times at which shots begin, without the first; rising, and as far as they are known. None where nobody
            could tell.
        start_s, end_s: from the first sample to behind the last one; of use once there is one.
    """

    def __init__(
        self,
        samples: Iterable[Clip],
        cuts: Cuts,
        recipe: Recipe,
        *,
        stride: int = 1,
        span: tuple[float, float] | None = None,
    ) -> None:
        self._samples, self._finder = samples, cuts
        self._frames, self._step = recipe.frames, stride * recipe.frames
        self._least = max(1, recipe.frames // _LEAST_SHARE)
        self._span = span or (-inf, inf)
        self._recipe_hash = recipe.clip_hash
        self._kept: list[Clip] = []
        # Where in `_kept` the next clip of the open shot begins. Once it has one, the last one begins at the first.
        self._next = 0
        self._begun = False
        self._shot = 0
        self.laid: list[Laid] = []
        self.cuts_s: list[float] | None = []
        self.start_s = self.end_s = 0.0
        self._given = self._laid()

    def __next__(self) -> Clip:
        return next(self._given)

    def _laid(self) -> Generator[Clip, None, None]:
        first_s, until_s = self._span
        seen = 0
        for sample in self._samples:
            if sample.end_s <= first_s:
                continue
            if sample.start_s >= until_s:
                break
            if not seen:
                self.start_s = max(sample.start_s, first_s)
            self.end_s = min(sample.end_s, until_s)
            self._kept.append(sample)
            seen += 1
            if seen % _LOOK_EVERY == 0:
                yield from self._decided(self._finder.so_far())
        found = self._finder.bounds()
        self.cuts_s = None if found is None else self._inside(found)
        yield from self._decided(SoFar(found or [], inf))
        if self._kept:
            yield from self._close(len(self._kept), over=True)

    def _inside(self, cuts_s: list[float]) -> list[float]:
        return [cut for cut in cuts_s if self.start_s < cut < self.end_s]

    def _decided(self, known: SoFar | None) -> Generator[Clip, None, None]:
        """The clips that no cut which is still to be found can lie in."""
        cuts, until_s = ([], inf) if known is None else (self._inside(known.cuts_s), known.until_s)
        for cut in cuts[self._shot :]:
            yield from self._close(sum(_shown_s(sample) < cut for sample in self._kept), over=False)
        while until_s is not None and self._next + self._frames <= len(self._kept):
            if _shown_s(self._kept[self._next + self._frames - 1]) >= until_s:
                return
            yield self._lay(self._next, self._frames)

    def _close(self, count: int, *, over: bool) -> Generator[Clip, None, None]:
        """The rest of a shot, which is the first `count` samples that are kept."""
        dropped = 0
        while self._next + self._frames <= count - dropped:
            before = len(self._kept)
            yield self._lay(self._next, self._frames)
            dropped += before - len(self._kept)
        count -= dropped
        if not self._begun:
            if count >= self._least or (over and not self.laid):
                yield self._lay(0, count)
        elif count >= self._step + self._least:
            dropped = len(self._kept)
            yield self._lay(count - self._frames, self._frames)
            count -= dropped - len(self._kept)
        del self._kept[:count]
        self._next, self._begun = 0, False
        self._shot += 1

    def _lay(self, first: int, count: int) -> Clip:
        """A clip of samples that are kept; those that no later clip of its shot has are let go."""
        shown = self._kept[first : first + count]
        padded = self._frames - count
        rows = [sample.on_host()[0] for sample in shown] + [shown[-1].on_host()[0]] * padded
        times = [_shown_s(sample) for sample in shown] + [_shown_s(shown[-1])] * padded
        clip = Clip(
            index=len(self.laid),
            start_s=shown[0].start_s,
            end_s=shown[-1].end_s,
            frames=np.stack(rows),
            times_s=np.array(times),
            padded_frames=padded,
            clip_recipe=self._recipe_hash,
        )
        self.laid.append(Laid(self._shot, clip.start_s, clip.end_s))
        del self._kept[:first]
        self._begun, self._next = True, self._step
        return clip


def _shown_s(sample: Clip) -> float:
    """When the frame that a sample shows came on screen: a sample between two frames shows the earlier one."""
    return float(sample.times_s[0])
