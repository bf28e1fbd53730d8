"""Whether a classifier stands to the visual tokens that it gives, clip by clip, each with its neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.families.feature_classifier import FeatureClassifier
from videobert.families.judged import energy, judged

Logits = npt.NDArray[np.float32]


class JudgedToken(NamedTuple):
    """How probable a token is, and whether the classifier stands to it."""

    score: float
    sure: bool


class TokenJudge:
    """Judges the tokens of one walk, in order.

    Where the energy is asked for with a neighbour, a token is judged once the next clip has come.

    Args:
        classifier: of the question that the tokens answer.
        at_once: judge each token when it comes, with the clip before it alone.
    """

    def __init__(self, classifier: FeatureClassifier, *, at_once: bool) -> None:
        self._classifier = classifier
        self._rules = classifier.abstain
        self._pairs = self._rules.with_neighbour and self._rules.energy_at_least is not None
        self._at_once = at_once
        self._before: Logits | None = None
        self._waiting: _Waiting | None = None

    def add(
        self, features: npt.NDArray[np.float32], ids: npt.NDArray[np.int32], standing: int | None
    ) -> list[JudgedToken]:
        """The tokens that can be judged now, those that waited first.

        Args:
            features: float32 `(n, feature_dim)` of the clips that come next.
            ids: int32 `(n,)`, their tokens.
            standing: the place among them of a clip that is for the most part one frame, repeated; None if none is. It
                is no neighbour, and the classifier does not stand to it.
        """
        logits = self._classifier.logits(features)
        said = judged(logits, self._rules)
        found: list[JudgedToken] = []
        for row, (token, sure) in enumerate(zip(ids.tolist(), said.sure.tolist(), strict=True)):
            score = float(said.probabilities[row, token])
            if row == standing:
                found += self.finish()
                found.append(JudgedToken(score, False))
                self._before = None
            elif self._pairs:
                found += self._with_neighbours(logits[row], score, sure)
            else:
                found.append(JudgedToken(score, sure))
        return found

    def finish(self) -> list[JudgedToken]:
        """The token that waits, if one does: no clip comes behind it."""
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else [self._judged(waiting)]

    def _with_neighbours(self, logits: Logits, score: float, alone: bool) -> list[JudgedToken]:
        pair = None if self._before is None else float(energy((self._before + logits) / 2))
        found = []
        if self._waiting is not None:
            found.append(self._judged(self._waiting._replace(behind=pair)))
        self._before, self._waiting = logits, _Waiting(score, alone, pair, None)
        return found + (self.finish() if self._at_once else [])

    def _judged(self, clip: _Waiting) -> JudgedToken:
        pairs = [pair for pair in (clip.before, clip.behind) if pair is not None]
        least = self._rules.energy_at_least
        return JudgedToken(clip.score, clip.alone if not pairs or least is None else max(pairs) >= least)


class _Waiting(NamedTuple):
    """A token whose next clip has not come: whether it is sure by itself, and the energies with its neighbours."""

    score: float
    alone: bool
    before: float | None
    behind: float | None
