"""What a film looks like, in few enough places that all can be held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.pipeline.clip_vectors import ClipVectors
from videobert.pipeline.film_units import Unit

# Places that are held against each other: 64 MB of similarities. Every clip of a film of an hour and a half has one.
MOST_PLACES = 4096
# Looks of one unit at most: means of its neighbouring clips.
_MOST_LOOKS = 8
# Cosines from which looks share a place, where there are too many, closest first.
_SHARING = (0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6)
_BLOCK = 256

Rows = npt.NDArray[np.float32]


class Places(NamedTuple):
    """What a film looks like.

    Args:
        similar: float32 `(places, places)`, 0 to 1, one with itself.
        seconds: float64 `(places,)` of film that each stands for.
        of_looks: int64 `(looks,)`, the place of each look.
        begins: int64 `(units,)`, where the looks of each unit begin.
    """

    similar: npt.NDArray[np.float32]
    seconds: npt.NDArray[np.float64]
    of_looks: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]

    def to_units(self) -> npt.NDArray[np.float32]:
        """The similarity of each place to the nearest place of each unit, float32 `(places, units)`."""
        found = np.empty((len(self.similar), len(self.begins)), np.float32)
        for start in range(0, len(self.similar), _BLOCK):
            rows = self.similar[start : start + _BLOCK, self.of_looks]
            np.maximum.reduceat(rows, self.begins, axis=1, out=found[start : start + _BLOCK])
        return found


def film_places(vectors: ClipVectors, units: Sequence[Unit], most: int = MOST_PLACES) -> Places:
    """The places of a film: each look of each unit, or where there are more than `most`, like ones together.

    What is unlike all else keeps a place of its own as long as there is one.
    """
    looks, seconds, begins = _looks(vectors, units)
    if len(looks) <= most:
        rows, of_looks = looks, np.arange(len(looks))
    else:
        rows, of_looks = _shared(looks, most)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, 1)
    cosines -= vectors.floor
    cosines /= 1 - vectors.floor
    return Places(
        similar=np.clip(cosines, 0, 1, out=cosines),
        seconds=np.bincount(of_looks, seconds, minlength=len(rows)).astype(np.float64),
        of_looks=of_looks,
        begins=begins,
    )


def looks_of(unit: Unit) -> list[npt.NDArray[np.int64]]:
    """The clips of each look of a unit, in order."""
    return np.array_split(np.arange(unit.first, unit.stop), min(_MOST_LOOKS, unit.stop - unit.first))


def _looks(vectors: ClipVectors, units: Sequence[Unit]) -> tuple[Rows, npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Means of neighbouring clips, of length one; the seconds that each stands for; where each unit's begin."""
    rows: list[npt.NDArray[np.float32]] = []
    seconds: list[float] = []
    begins: list[int] = []
    for unit in units:
        begins.append(len(rows))
        clips = unit.stop - unit.first
        for group in looks_of(unit):
            mean = vectors.rows[group].mean(axis=0, dtype=np.float64)
            rows.append((mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32))
            seconds.append(unit.seconds * len(group) / clips)
    return np.stack(rows), np.array(seconds), np.array(begins, np.int64)


def _shared(looks: Rows, most: int) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Fewer places: the first look of a kind is the place of those like it."""
    places = np.empty((most, looks.shape[1]), np.float32)
    count, closeness = 0, list(_SHARING)
    of_looks = np.empty(len(looks), np.int64)
    for start in range(0, len(looks), _BLOCK):
        block = looks[start : start + _BLOCK]
        for row, look in enumerate(block):
            # Most are like one that is known; those are found together.
            if row == 0:
                cosines = block @ places[:count].T
                known = count
            near = np.concatenate([cosines[row], places[known:count] @ look])
            if len(near) and near.max() >= closeness[0]:
                of_looks[start + row] = int(near.argmax())
                continue
            if count == most:
                if len(closeness) > 1:
                    closeness.pop(0)
                    moved, count = _merged(places[:count], closeness[0])
                    of_looks[: start + row] = moved[of_looks[: start + row]]
                    cosines, known = block @ places[:count].T, count
                    near = cosines[row]
                if count == most or near.max() >= closeness[0]:
                    of_looks[start + row] = int(near.argmax())
                    continue
            places[count], of_looks[start + row] = look, count
            count += 1
    return places[:count].copy(), of_looks


def _merged(places: Rows, closeness: float) -> tuple[npt.NDArray[np.int64], int]:
    """Places that are so close made one, in place: the new number of each, and how many are left."""
    moved, kept = np.empty(len(places), np.int64), 0
    for number, place in enumerate(places):
        near = places[:kept] @ place
        if kept and near.max() >= closeness:
            moved[number] = int(near.argmax())
            continue
        places[kept], moved[number] = place, kept
        kept += 1
    return moved, kept
