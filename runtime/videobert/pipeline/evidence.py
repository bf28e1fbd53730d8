"""Which clips an answer rests on: each is left out in turn, and what the score loses is its share (occlusion)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from videobert.results.evidence import MOST_EVIDENCE, Evidence

ScoreClips = Callable[[Sequence[Sequence[int]]], npt.NDArray[np.floating]]


class Times(Protocol):
    """When clips are, float64 `(clips,)` seconds each."""

    @property
    def start_s(self) -> npt.NDArray[np.float64]: ...

    @property
    def end_s(self) -> npt.NDArray[np.float64]: ...


def evidence(times: Times, clips: Sequence[int], score: ScoreClips, *, without_any: float) -> tuple[Evidence, ...]:
    """How much of a score each clip of a stretch carries, in time order.

    Neighbours in a long stretch are left out together: as many scores are asked for, whatever its length.

    Args:
        times: of the video's clips.
        clips: numbers of the stretch's clips, rising; one at least.
        score: the scores of some stretches, each given by its clips, one at least.
        without_any: the score where nothing is seen: what a clip that stands alone is held against.
    """
    groups = [group.tolist() for group in np.array_split(np.array(clips), min(MOST_EVIDENCE, len(clips)))]
    if len(groups) == 1:
        drops = [float(score([groups[0]])[0]) - without_any]
    else:
        rest = [[clip for other in groups if other is not group for clip in other] for group in groups]
        whole, *left = np.asarray(score([list(clips), *rest]), np.float64).tolist()
        drops = [whole - each for each in left]
    return tuple(
        Evidence(start_s=float(times.start_s[group[0]]), end_s=float(times.end_s[group[-1]]), drop=drop)
        for group, drop in zip(groups, drops, strict=True)
    )


def mean_evidence(
    times: Times, clips: Sequence[int], values: npt.NDArray[np.float64], *, without_any: float
) -> tuple[Evidence, ...]:
    """`evidence` of a score that is the mean over clips, each judged by itself and weighed by its length.

    The model is asked nothing anew.

    Args:
        values: float64 `(all clips,)`.
    """
    lengths = np.asarray(times.end_s) - np.asarray(times.start_s)
    lengths = np.maximum(lengths, 1e-9)

    def score(stretches: Sequence[Sequence[int]]) -> npt.NDArray[np.floating]:
        return np.array([np.average(values[list(each)], weights=lengths[list(each)]) for each in stretches])

    return evidence(times, clips, score, without_any=without_any)
