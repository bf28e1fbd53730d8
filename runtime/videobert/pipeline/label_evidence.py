"""What each clip of a window adds to the probability of its best label."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.pipeline.evidence import evidence
from videobert.pipeline.fitting import clips_of
from videobert.pipeline.scoring import Scorer
from videobert.pipeline.watched import Watched
from videobert.pipeline.windows import Window, clips_heard
from videobert.results.evidence import Evidence


def label_evidence(
    watched: Watched, part: Window, scorer: Scorer, row: npt.NDArray[np.float64], cancel: Event | None
) -> tuple[Evidence, ...]:
    """What each clip of a window adds to the probability of its best label.

    Args:
        row: the window's log-scores, float64 `(labels,)`.
    """
    best = int(row.argmax())

    def score(groups: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        scored = scorer.score([clips_of(watched, each) for each in groups], cancel)
        return np.exp(scored.log_scores[:, best])

    clips = range(part.start, min(part.stop, clips_heard(watched)))
    # A clip alone is held against what every answer has where nothing is seen.
    return evidence(watched.clips, clips, score, without_any=1 / len(row))
