"""A question that a network on single pictures answers, from a few frames of each clip."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.families.family import RunStage
from videobert.families.judged import Judged, judged
from videobert.model.questions import QuestionConfig, question_stage

# Frames of a clip that are looked at, evenly spread.
FRAMES = 2


class PictureClassifier:
    """One such question of an opened model. Thread-safe.

    Args:
        name, question: of `config.questions`.
        run: runs a stage.
    """

    def __init__(self, name: str, question: QuestionConfig, run: RunStage) -> None:
        self._stage = str(question_stage(name, question))
        self._abstain = question.abstain
        self._run = run

    def logits(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The mean of the logits, float32 `(labels,)`, over some frames of a clip, uint8 `(frames, side, side, 3)`."""
        places = (2 * np.arange(FRAMES) + 1) * len(frames) // (2 * FRAMES)
        pictures = np.ascontiguousarray(frames[np.unique(places)])
        mean: npt.NDArray[np.float32] = self._run(self._stage, pictures=pictures).mean(axis=0, dtype=np.float32)
        return mean

    def judge(self, logits: npt.NDArray[np.floating]) -> Judged:
        """What it says of clips, whose logits are `(n, labels)`."""
        return judged(logits, self._abstain)
