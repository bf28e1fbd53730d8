"""A question that a linear layer on the backbone's features answers: a stage of the model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.families.family import RunStage
from videobert.families.judged import Judged, judged
from videobert.model.questions import AbstainConfig, QuestionConfig, question_stage

# Rows that the stage is given at a time.
_ROWS = 64


class FeatureClassifier:
    """One such question of an opened model. Thread-safe.

    Args:
        name, question: of `config.questions`.
        run: runs a stage.
    """

    def __init__(self, name: str, question: QuestionConfig, run: RunStage) -> None:
        self._stage = str(question_stage(name, question))
        self._abstain = question.abstain
        self._run = run

    @property
    def abstain(self) -> AbstainConfig:
        """When its answer is left open."""
        return self._abstain or AbstainConfig()

    def judge(self, features: npt.NDArray[np.float32]) -> Judged:
        """What it says of features, float32 `(n, feature_dim)`, each by itself."""
        return judged(self.logits(features), self._abstain)

    def logits(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Its logits, float32 `(n, labels)`."""
        blocks = [features[at : at + _ROWS] for at in range(0, len(features), _ROWS)]
        return np.concatenate([self._run(self._stage, features=np.ascontiguousarray(block)) for block in blocks])
