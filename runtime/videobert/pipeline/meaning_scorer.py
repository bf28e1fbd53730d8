"""Labels of one's own judged by their meaning, each for itself: none of them may fit.

Unless the family only compares them: then the best one is best among these, and nothing is said of it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import texts
from videobert.base.errors import UsageError
from videobert.families.family import ChoosesLabels
from videobert.families.log_softmax import log_softmax
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.questions import LABEL
from videobert.pipeline.ranking import best
from videobert.pipeline.reading import read_text
from videobert.pipeline.scoring import Scored, ScoredStretch
from videobert.results.candidate import Candidate
from videobert.results.classify import NONE_OF_THESE


class MeaningScorer:
    """See `Scorer`. "none of these" is an answer beside the labels: with one label, its score is that of `align`.

    Where the family compares (see `Compares`) there is no such answer, and one label alone is refused.

    Args:
        opened: the model.
        family: its family.
        labels: what to choose from.
        templates: sentences with one `{label}` each; None for the family's own.

    Raises:
        UsageError: no label, one twice, one alone where they are compared, or a template without `{label}`.
        InputError: a label of which the model knows no word.
    """

    unknown_words: tuple[str, ...] = ()

    def __init__(
        self, opened: OpenedModel, family: ChoosesLabels, labels: Iterable[str], templates: Iterable[str] | None
    ) -> None:
        self.labels = texts("labels", labels, example='["cooking", "sports"]')
        twice = [label for place, label in enumerate(self.labels) if label in self.labels[:place]]
        if twice or NONE_OF_THESE in self.labels:
            raise UsageError(
                "a label is given twice" if twice else "this label is always among the answers",
                seen=(twice or [NONE_OF_THESE])[0],
                fix="Give each label once." if twice else "Leave it out.",
            )
        self.templates = () if templates is None else texts("templates", templates, example='["a {label} scene"]')
        for template in self.templates:
            if template.count(LABEL) != 1:
                raise UsageError(
                    "a template needs one place for the label",
                    seen=template,
                    allowed=f"one {LABEL}",
                    fix='For example "a video of {label}".',
                )
        self._none = () if opened.compares is not None else (NONE_OF_THESE,)
        if len(self.labels) == 1 and not self._none:
            raise UsageError(
                "this model compares labels, and there is one alone",
                seen=self.labels[0],
                fix="Give two labels or more, or ask for the similarity to one text with `align`.",
            )
        self._family = family
        self._sentences = [
            [read_text(opened, sentence).pieces for sentence in self._said(family, label)] for label in self.labels
        ]
        self.longest = max(len(pieces) for sentences in self._sentences for pieces in sentences)

    def _said(self, family: ChoosesLabels, label: str) -> Sequence[str]:
        if self.templates:
            return [template.replace(LABEL, label) for template in self.templates]
        return family.label_sentences(label)

    def score(self, stretches: Sequence[ScoredStretch], cancel: Event | None = None) -> Scored:
        """See `Scorer.score`; "none of these" is the last column, if there is one."""
        found = self._family.label_log_odds(self._sentences, stretches, cancel)
        # Its odds against each label are those of the label against itself: even where a label is as likely as not.
        with_none = np.pad(found.log_odds, ((0, 0), (0, len(self._none))))
        return Scored(log_softmax(with_none).astype(np.float64), found.sure)

    def candidates(self, scores: npt.NDArray[np.float64], top: int) -> tuple[Candidate, ...]:
        """See `Scorer.candidates`."""
        said = (*self.labels, *self._none)
        return tuple(
            Candidate(text=said[place], id=None, score=float(np.exp(scores[place]))) for place in best(scores, top)
        )
