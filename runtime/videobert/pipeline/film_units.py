"""A film in units that are kept or left out as a whole: shots, and parts of those that no summary could keep whole.

Those are longer than the summary, or show several things to the model: a camera that goes on, a cut that was not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from videobert.pipeline.clip_vectors import ClipVectors

Times = npt.NDArray[np.float64]

# A part of a shot that is longer than the whole summary may fill this share of it.
_SHARE_OF_A_PART = 1 / 3
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A stretch of a film that is kept or left out as a whole.

    Args:
        first, stop: its clips, `first` to `stop - 1`, one at least.
        start_s, end_s: its bounds.
        shot: bounds of the shot that it is a part of; None for a whole shot, or where shots are not known.
    """

    first: int
    stop: int
    start_s: float
    end_s: float
    shot: tuple[float, float] | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


def film_units(
    vectors: ClipVectors, start_s: Times, end_s: Times, cuts_s: Times | None, longest_s: float
) -> list[Unit]:
    """The units of a film, in order and without gaps.

    Args:
        vectors: of its clips.
        start_s, end_s: float64 `(clips,)`, when each clip is; the first one begins with the film and the last one ends
            with it. Clips that a stride left out belong to the one before them.
        cuts_s: where shots begin, but the first; None where nobody knows.
        longest_s: a shot that is longer, or shows several things, is taken in parts, on the bounds of its clips; one
            clip is the least.
    """
    bounds = [float(start_s[0]), *_inside(cuts_s, float(start_s[0]), float(end_s[-1])), float(end_s[-1])]
    middles = (start_s + end_s) / 2
    units: list[Unit] = []
    for start, end in pairwise(bounds):
        first, stop = _clips_of(start, end, start_s, end_s, middles)
        fits = cuts_s is not None and end - start <= longest_s + _ROUNDING_S
        part_s = longest_s if fits else longest_s * _SHARE_OF_A_PART
        parts = list(_parts(vectors, start_s, first, stop, (start, end), part_s))
        whole = cuts_s is None or len(parts) == 1
        units += parts if whole else [replace(part, shot=(start, end)) for part in parts]
    return units


def _inside(cuts_s: Times | None, start_s: float, end_s: float) -> list[float]:
    return [] if cuts_s is None else [float(cut) for cut in cuts_s if start_s < cut < end_s]


def _clips_of(start: float, end: float, start_s: Times, end_s: Times, middles: Times) -> tuple[int, int]:
    """The clips that show a shot alone; failing that, those whose middle lies in it, or the one at its middle."""
    alone = np.flatnonzero((start_s >= start - _ROUNDING_S) & (end_s <= end + _ROUNDING_S))
    inside = alone if len(alone) else np.flatnonzero((middles >= start) & (middles < end))
    if len(inside):
        return int(inside[0]), int(inside[-1]) + 1
    here = max(0, int(np.searchsorted(start_s, (start + end) / 2, side="right")) - 1)
    return here, here + 1


def _parts(
    vectors: ClipVectors, start_s: Times, first: int, stop: int, bounds: tuple[float, float], longest_s: float
) -> Iterator[Unit]:
    """A shot in parts that look alike all along, none longer than asked for if it is more than a clip."""
    begins = [first]
    total = vectors.rows[first].astype(np.float64)
    for clip in range(first + 1, stop):
        ends_s = float(start_s[clip + 1]) if clip + 1 < stop else bounds[1]
        begun_s = bounds[0] if len(begins) == 1 else float(start_s[begins[-1]])
        cosine = float(vectors.rows[clip] @ total) / max(float(np.linalg.norm(total)), 1e-12)
        if cosine < vectors.same or ends_s - begun_s > longest_s + _ROUNDING_S:
            begins.append(clip)
            total = np.zeros_like(total)
        total += vectors.rows[clip]
    edges = [bounds[0], *(float(start_s[clip]) for clip in begins[1:]), bounds[1]]
    for (here, there), (start, end) in zip(pairwise([*begins, stop]), pairwise(edges), strict=True):
        yield Unit(first=here, stop=there, start_s=start, end_s=end)
