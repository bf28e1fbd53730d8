"""A video as spans that its clips tell of: a clip each, parted at the cuts that are known."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import NamedTuple

from videobert.pipeline.asked_span import outside
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
        clip: the clip that it lies in.
        shot: number of its shot, from 0.
        told_by: the clips that may tell what it shows. Where its shot has clips of its own, the nearest of them;
            otherwise those that show a part of the shot, see `told`.
        sole: whether its shot has clips of its own.
    """

    start_s: float
    end_s: float
    clip: int
    shot: int
    told_by: tuple[int, ...]
    sole: bool

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


class Told(NamedTuple):
    """The clip that tells of a span, and the value of what it says."""

    clip: int
    value: float


@dataclass(frozen=True, slots=True)
class _Part:
    start_s: float
    end_s: float
    clip: int
    shot: int
    share: float

    def span(self, *told_by: int, sole: bool) -> Span:
        return Span(self.start_s, self.end_s, self.clip, self.shot, told_by, sole)


def spans(watched: Watched, within: tuple[float, float] | None = None) -> list[Span]:
    """The spans of a video in time order, one at least; without known cuts one for each clip.

    Where a stride leaves clips out, their time goes with the clip before.

    Args:
        within: the stretch that is wanted; None for all.

    Raises:
        InputError: nothing of the video lies in that stretch.
    """
    if within is not None:
        return _inside(watched, *within)
    return _all_spans(watched, [] if watched.cuts_s is None else watched.cuts_s.tolist())


def _inside(watched: Watched, start_s: float, end_s: float) -> list[Span]:
    # Its bounds are cuts, so that clips that lie across them tell little of it.
    cuts = {start_s, end_s, *([] if watched.cuts_s is None else watched.cuts_s.tolist())}
    found = [
        span
        for span in _all_spans(watched, sorted(cuts))
        if span.start_s >= start_s - _SAME_S and span.end_s <= end_s + _SAME_S
    ]
    if not found:
        raise outside((start_s, end_s), float(watched.clips.start_s[0]), float(watched.clips.end_s[-1]))
    return found


def _all_spans(watched: Watched, cuts: Sequence[float]) -> list[Span]:
    found = [span for _, shot in groupby(_parts(watched, cuts), lambda part: part.shot) for span in _spans(shot)]
    if len(watched.clips) == 1 or not _is_still(watched):
        return found
    last = len(watched.clips) - 1
    return [replace(span, told_by=tuple(min(clip, last - 1) for clip in span.told_by)) for span in found]


def told(spans: Sequence[Span], values: Mapping[int, float], base: float) -> list[Told]:
    """What is told of each span, where clips that show several shots are put down to the right one.

    What such a clip shows is another shot's, if that has clips of its own that say the same at least half as much. Of
    the others those tell that show more of this shot than of the rest, if there are any, and of these the one with the
    highest value. Where all is another shot's, nothing is known of the span.

    Args:
        values: of all clips.
        base: the value that says nothing.
    """
    shown: defaultdict[int, dict[int, float]] = defaultdict(dict)
    best: dict[int, float] = {}
    for span in spans:
        shown[span.clip][span.shot] = span.length_s
        if span.sole:
            best[span.shot] = max(best.get(span.shot, base), *(values[clip] for clip in span.told_by))

    def said_elsewhere(clip: int, shot: int) -> bool:
        height = values[clip] - base
        others = (best.get(other, base) - base for other in shown[clip] if other != shot)
        return height > 0 and any(2 * other >= height for other in others)

    def mostly_here(clip: int, shot: int) -> bool:
        rest = (length for other, length in shown[clip].items() if other != shot and other not in best)
        return shown[clip].get(shot, 0.0) >= max(rest, default=0.0)

    def tells(span: Span) -> Told:
        own = [clip for clip in span.told_by if span.sole or not said_elsewhere(clip, span.shot)]
        if not own:
            return Told(span.told_by[0], base)
        mostly = own if span.sole else [clip for clip in own if mostly_here(clip, span.shot)]
        clip = max(mostly or own, key=lambda clip: values[clip])
        return Told(clip, values[clip])

    return [tells(span) for span in spans]


def _parts(watched: Watched, cuts: Sequence[float]) -> list[_Part]:
    starts, ends = watched.clips.start_s.tolist(), watched.clips.end_s.tolist()
    found = []
    for clip, (start, end, after) in enumerate(zip(starts, ends, [*starts[1:], ends[-1]], strict=True)):
        stop = max(end, after)
        inside = cuts[bisect_right(cuts, start + _SAME_S) : bisect_left(cuts, stop - _SAME_S)]
        for begin, until in pairwise([start, *inside, stop]):
            share = (min(until, end) - begin) / max(end - start, _SAME_S)
            found.append(_Part(begin, until, clip, bisect_right(cuts, begin + _SAME_S), share))
    return found


def _spans(shot: Iterable[_Part]) -> list[Span]:
    """The spans of one shot."""
    parts = list(shot)
    within = [place for place, part in enumerate(parts) if part.share >= _WITHIN]
    if not within:
        least = min(_PARTLY, max(part.share for part in parts))
        some = [part.clip for part in parts if part.share >= least]
        return [part.span(*some, sole=False) for part in parts]

    def nearest(place: int) -> int:
        near = place if parts[place].share >= _WITHIN else min(within, key=lambda other: abs(other - place))
        return parts[near].clip

    return [part.span(nearest(place), sole=True) for place, part in enumerate(parts)]


def _is_still(watched: Watched) -> bool:
    """Whether the last clip is for the most part one frame, repeated, which says nothing of its own."""
    first, last = (float(watched.clips.end_s[at] - watched.clips.start_s[at]) for at in (0, -1))
    return 2 * last < first
