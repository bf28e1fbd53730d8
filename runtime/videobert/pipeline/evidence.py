"""Which clips an answer rests on: each is left out in turn, and what the score loses is its share (occlusion)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from videobert.pipeline.watched import Watched
from videobert.results.evidence import Evidence

# Of a longer stretch neighbouring clips are left out together: as many answers are asked for, whatever its length.
_MOST = 32

ScoreClips = Callable[[Sequence[Sequence[int]]], npt.NDArray[np.floating]]


def evidence(watched: Watched, clips: Sequence[int], score: ScoreClips, *, without_any: float) -> tuple[Evidence, ...]:
    """How much of a score each clip of a stretch carries, in time order.

    Args:
        watched: the video.
        clips: numbers of the stretch's clips, rising; one at least.
        score: the scores of some stretches, each given by its clips, one at least.
        without_any: the score where nothing is seen: what a clip that stands alone is held against.
    """
    groups = [group.tolist() for group in np.array_split(np.array(clips), min(_MOST, len(clips)))]
    if len(groups) == 1:
        drops = [float(score([groups[0]])[0]) - without_any]
    else:
        rest = [[clip for other in groups if other is not group for clip in other] for group in groups]
        whole, *left = np.asarray(score([list(clips), *rest]), np.float64).tolist()
        drops = [whole - each for each in left]
    return tuple(
        Evidence(start_s=float(watched.clips.start_s[group[0]]), end_s=float(watched.clips.end_s[group[-1]]), drop=drop)
        for group, drop in zip(groups, drops, strict=True)
    )
