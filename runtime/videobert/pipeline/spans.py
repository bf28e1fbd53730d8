"""A video as spans that its clips tell of: a clip each, parted at the cuts that are known."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from videobert.pipeline.watched import Watched

# A clip with less of it in a shot shows too much of the shots around.
_WITHIN = 0.9
# One with less says nothing of it, if another says more.
_PARTLY = 0.25
# Cuts and clips nearer than this are at one time.
_SAME_S = 1e-3


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time within one clip and one shot.

    Args:
        start_s, end_s: its bounds; a span ends where the next one begins.
        clips: the clips that may tell what it shows. One, where its shot has clips of its own: the nearest. Otherwise
            those that show a part of the shot, see `tellers`.
        shot: number of its shot, from 0.
    """

    start_s: float
    end_s: float
    clips: tuple[int, ...]
    shot: int

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class _Part:
    span: Span
    share: float

    @property
    def clip(self) -> int:
        return self.span.clips[0]


def spans(watched: Watched) -> list[Span]:
    """The spans of a whole video in time order, one at least; without known cuts one for each clip.

    Where a stride leaves clips out, their time goes with the clip before.
    """
    cuts = [] if watched.cuts_s is None else watched.cuts_s.tolist()
    told = [span for _, shot in groupby(_parts(watched, cuts), lambda part: part.span.shot) for span in _told(shot)]
    if not watched.standing or len(watched.clips) == 1:
        return told
    # A last clip that stands still says nothing of its own.
    last = len(watched.clips) - 1
    return [replace(span, clips=tuple(min(clip, last - 1) for clip in span.clips)) for span in told]


def tellers(spans: Sequence[Span], values: Mapping[int, float], base: float) -> list[int]:
    """The clip that tells of each span, where clips that show several shots are put down to the right one.

    What such a clip shows is another shot's, if that has clips of its own that say the same at least half as much. Of
    the others the one with the highest value tells; if there are none, the one with the lowest.

    Args:
        values: of all clips.
        base: the value that says nothing.
    """
    shots_of = defaultdict(set)
    best: dict[int, float] = {}
    for span in spans:
        for clip in span.clips:
            shots_of[clip].add(span.shot)
        if len(span.clips) == 1:
            best[span.shot] = max(best.get(span.shot, base), values[span.clips[0]])

    def tells(span: Span) -> int:
        if len(span.clips) == 1:
            return span.clips[0]
        own = [
            clip
            for clip in span.clips
            if not any(
                2 * (best.get(shot, base) - base) >= values[clip] - base > 0 for shot in shots_of[clip] - {span.shot}
            )
        ]
        if own:
            return max(own, key=lambda clip: values[clip])
        return min(span.clips, key=lambda clip: values[clip])

    return [tells(span) for span in spans]


def _parts(watched: Watched, cuts: Sequence[float]) -> list[_Part]:
    starts, ends = watched.clips.start_s.tolist(), watched.clips.end_s.tolist()
    found = []
    for clip, (start, end, after) in enumerate(zip(starts, ends, [*starts[1:], ends[-1]], strict=True)):
        stop = max(end, after)
        inside = cuts[bisect_right(cuts, start + _SAME_S) : bisect_left(cuts, stop - _SAME_S)]
        for begin, until in pairwise([start, *inside, stop]):
            span = Span(begin, until, (clip,), bisect_right(cuts, begin + _SAME_S))
            found.append(_Part(span, (min(until, end) - begin) / max(end - start, _SAME_S)))
    return found


def _told(shot: Iterable[_Part]) -> list[Span]:
    """The spans of one shot, each with the clips that may tell of it."""
    parts = list(shot)
    within = [place for place, part in enumerate(parts) if part.share >= _WITHIN]
    if not within:
        least = min(_PARTLY, max(part.share for part in parts))
        some = tuple(part.clip for part in parts if part.share >= least)
        return [replace(part.span, clips=some) for part in parts]

    def nearest(place: int) -> int:
        near = place if parts[place].share >= _WITHIN else min(within, key=lambda other: abs(other - place))
        return parts[near].clip

    return [replace(part.span, clips=(nearest(place),)) for place, part in enumerate(parts)]
