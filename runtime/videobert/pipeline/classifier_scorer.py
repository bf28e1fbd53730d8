"""Questions that a classifier of the model answers: on features, on pictures, or by groups of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError
from videobert.families.judged import SHARE_OF_SURE_CLIPS, Judged
from videobert.model.questions import QuestionConfig
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import best
from videobert.pipeline.scoring import Scored, ScoredStretch
from videobert.results.candidate import Candidate


class ClassifierScorer:
    """See `Scorer`. A stretch's probabilities are the mean over its clips.

    Args:
        opened: the model.
        name: of one of its questions, which no templates answer.
    """

    templates: tuple[str, ...] = ()
    unknown_words: tuple[str, ...] = ()
    longest = 0

    def __init__(self, opened: OpenedModel, name: str) -> None:
        self._opened, self._name = opened, name
        self._question: QuestionConfig = opened.config.questions[name]
        # The question whose classifier answers.
        self._asked = self._question.of or name
        self.labels = self._question.labels

    def score(self, stretches: Sequence[ScoredStretch], cancel: Event | None = None) -> Scored:
        """See `Scorer.score`.

        Raises:
            InputError: only tokens are known of the stretches, and they do not say it.
        """
        rows, sure = [], []
        for stretch in stretches:
            stop_if(cancel)
            said = self._grouped(self._said(stretch))
            rows.append(said.probabilities.mean(axis=0))
            sure.append(said.sure.mean() >= SHARE_OF_SURE_CLIPS)
        with np.errstate(divide="ignore"):
            return Scored(np.log(np.stack(rows)), np.array(sure))

    def candidates(self, scores: npt.NDArray[np.float64], top: int) -> tuple[Candidate, ...]:
        """See `Scorer.candidates`. Labels that share what is left, as those that no saved token names, are none."""
        told = int((scores > scores.min()).sum())
        if 0 < told < len(scores) - 1:
            top = min(top, told)
        return tuple(
            Candidate(text=self.labels[label], id=None, score=float(np.exp(scores[label])))
            for label in best(scores, top)
        )

    def _said(self, stretch: ScoredStretch) -> Judged:
        pictures = self._opened.picture_classifiers.get(self._asked)
        if pictures is not None and self._asked in stretch.pictures:
            return pictures.judge(stretch.pictures[self._asked])
        if pictures is None and stretch.features is not None:
            said = self._opened.feature_classifiers[self._asked].judge(stretch.features)
            if stretch.sure is not None and self._asked == self._opened.config.token_question:
                return Judged(said.probabilities, stretch.sure)
            return said
        if self._asked == self._opened.config.token_question and stretch.scores is not None:
            return self._of_tokens(stretch, stretch.scores)
        raise InputError(
            f"visual tokens do not answer the question {self._name}",
            seen="saved tokens",
            allowed="a video, or its features",
            fix="Give the video, or features that `Runtime.features` made of it.",
            fix_cli="Give the video itself, or features saved from it with `videobert features VIDEO --out FILE.vbf`.",
        )

    def _of_tokens(self, stretch: ScoredStretch, probabilities: npt.NDArray[np.float32]) -> Judged:
        """Tokens are the labels: each has its probability, and the others share what is left."""
        labels = len(self._opened.config.questions[self._asked].labels)
        scores = probabilities.astype(np.float64)[:, None]
        rows = np.repeat((1 - scores) / max(1, labels - 1), labels, axis=1)
        rows[np.arange(len(rows)), stretch.ids] = scores[:, 0]
        return Judged(rows, np.ones(len(rows), np.bool_) if stretch.sure is None else stretch.sure)

    def _grouped(self, said: Judged) -> Judged:
        groups = self._question.groups
        if not groups:
            return said
        sums = np.stack([said.probabilities[:, list(group)].sum(axis=1) for group in groups], axis=1)
        rules = self._question.abstain
        if rules is None or rules.probability_at_least is None:
            return Judged(sums, said.sure)
        # A group may be certain where none of its labels is.
        return Judged(sums, sums.max(axis=1) >= rules.probability_at_least)


def answers_tokens(opened: OpenedModel, name: str) -> bool:
    """Whether saved tokens are enough to answer a question."""
    question = opened.config.questions[name]
    return question.answered_by == "templates" or (question.of or name) == opened.config.token_question
