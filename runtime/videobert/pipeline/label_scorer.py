"""Labels scored in templates: the arithmetic under `classify` and `run`.

A label's log-score in a template is that of its word pieces where the template's blank is: with one piece, its
masked-word log-probability; with more, their pseudo-likelihood, the sum over pieces of the log-probability of each
when it alone is masked. Scores are made relative to the other labels (log-softmax over labels) and averaged over
templates. The language prior, the same score without the video, is subtracted (arXiv 1904.01766, section 4.4, compares
the two; the subtraction keeps a label from winning because the sentence alone suggests it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import number, texts
from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError
from videobert.families.family import Asked as AskedStates
from videobert.families.log_softmax import log_softmax
from videobert.pipeline.encoded_together import EncodedTogether, encoded_together
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.questions import Asked, Probe
from videobert.pipeline.ranking import best
from videobert.pipeline.scoring import Scored, ScoredStretch
from videobert.results.candidate import Candidate

_GROUP = 64

Windows = Sequence[ScoredStretch | None]


class LabelScorer:
    """Scores of some labels in some templates.

    Args:
        opened: the model.
        templates: sentences with one blank each: `{label}`, or the one `[MASK]`. Where `{label}` is used, any
            `[MASK]` beside it stays masked.
        labels: what to choose from.
        prior_strength: how much of the language prior is subtracted: 1 all of it, 0 none.

    Attributes:
        unknown_words: words of the templates that the model does not know.

    Raises:
        InputError: a template without a blank, labels that are missing, double, or hold words unknown to the model.
        ModelError: the model cannot classify.
    """

    def __init__(
        self, opened: OpenedModel, templates: Iterable[str], labels: Iterable[str], prior_strength: float = 1.0
    ) -> None:
        self._strength = number(
            "prior_strength",
            prior_strength,
            least=0,
            most=2,
            allowed="0 to 2",
            fix="1 subtracts all of it, 0 none.",
        )
        opened.need("classifies")
        self._opened = opened
        self._question = opened.questions.prepared(
            texts("templates", templates, example='["a [MASK] circle"]'),
            texts("labels", labels, example='["red", "blue"]'),
        )
        self.templates, self.labels = self._question.templates, self._question.labels
        self.unknown_words, self.longest = self._question.unknown_words, self._question.longest
        self._together: dict[tuple[Probe, ...], EncodedTogether] = {}

    @classmethod
    def of_model(cls, opened: OpenedModel) -> dict[str, LabelScorer]:
        """For each question of the model its scorer."""
        questions = {name: q for name, q in opened.config.questions.items() if q.answered_by == "templates"}
        return {name: cls(opened, question.templates, question.labels) for name, question in questions.items()}

    @staticmethod
    def ask_together(scorers: Sequence[LabelScorer]) -> None:
        """Let scorers that are asked about the same windows, for one request, encode their sentences together."""
        together = encoded_together([asked for scorer in scorers for asked in scorer._question.asked])
        for scorer in scorers:
            scorer._together = together

    def score(self, stretches: Sequence[ScoredStretch], cancel: Event | None = None) -> Scored:
        """See `Scorer.score`; `Report.out_of_domain` says where the answers mean little."""
        return Scored(self.scores(stretches, cancel), np.ones(len(stretches), np.bool_))

    def key(self, stretch: ScoredStretch) -> bytes:
        """Stretches of equal keys have equal scores."""
        features = stretch.features if self._opened.family.wants_features else None
        return stretch.ids.tobytes() if features is None else features.tobytes()

    def scores(self, windows: Sequence[ScoredStretch], cancel: Event | None = None) -> npt.NDArray[np.float64]:
        """Prior-corrected log-scores, float64 `(windows, labels)`, each row normalised over the labels."""
        # Neighbouring windows of a video are often the same tokens: each distinct one is scored once.
        distinct: dict[bytes, int] = {}
        places = [distinct.setdefault(self.key(window), len(distinct)) for window in windows]
        unique = [windows[places.index(place)] for place in range(len(distinct))]
        raw = np.empty((len(unique), len(self.labels)), np.float64)
        for start in range(0, len(unique), _GROUP):
            stop_if(cancel)
            raw[start : start + _GROUP] = self._raw(unique[start : start + _GROUP], cancel)
        corrected = raw - self._strength * self.log_prior(cancel)
        return log_softmax(corrected).astype(np.float64)[places]

    def log_prior(self, cancel: Event | None = None) -> npt.NDArray[np.float64]:
        """The labels' log-scores from the templates alone, float64 `(labels,)`, normalised over the labels."""
        return self._question.prior(lambda: self._raw([None], cancel)[0], cancel)

    def candidates(self, scores: npt.NDArray[np.float64], top: int) -> tuple[Candidate, ...]:
        """Ranked labels of one row of `scores`."""
        prior = self.log_prior()
        return tuple(
            Candidate(
                text=self.labels[label],
                id=None,
                score=float(np.exp(scores[label])),
                log_prior=float(self._strength * prior[label]),
            )
            for label in best(scores, top)
        )

    def _raw(self, windows: Windows, cancel: Event | None) -> npt.NDArray[np.float64]:
        """Scores before the correction; a window that is None stands for the text alone."""
        total = np.zeros((len(windows), len(self.labels)), np.float64)
        scored = [self._in_template(asked, windows, cancel) for asked in self._question.asked]
        for place in self._question.order:
            total += scored[place]
        return total / len(self._question.order)

    def _in_template(self, asked: Asked, windows: Windows, cancel: Event | None) -> npt.NDArray[np.float32]:
        together = self._together.get(asked.probes)
        if together is None:
            found = self._encoded(asked.probes, asked.words, windows, cancel)
        else:
            key = tuple(None if window is None else self.key(window) for window in windows)
            known = together.known(key)
            if known is None:
                known = together.keep(key, self._encoded(together.probes, together.words, windows, cancel))
            found = together.part(known, asked)
        sums = [sum(found[:, probe, column] for probe, column in pairs) for pairs in asked.terms]
        return log_softmax(np.stack(sums, axis=1))

    def _encoded(
        self, probes: tuple[Probe, ...], words: tuple[int, ...], windows: Windows, cancel: Event | None
    ) -> npt.NDArray[np.float64]:
        """Log-probabilities where each probe has its mask, float64 `(windows, probes, words)`."""
        items = (self._asked(probe, window) for window in windows for probe in probes)
        rows = np.stack(list(self._word_log_probs(items, list(words), cancel)))
        return rows.reshape(len(windows), len(probes), -1)

    def _word_log_probs(
        self, items: Iterator[AskedStates], words: list[int], cancel: Event | None
    ) -> Iterator[npt.NDArray[np.float64]]:
        waiting: list[npt.NDArray[np.float32]] = []
        for state in self._opened.joint.states(items, cancel):
            waiting.append(state)
            if len(waiting) == _GROUP:
                yield from self._opened.joint.word_log_probs(np.concatenate(waiting))[:, words].astype(np.float64)
                waiting.clear()
        if waiting:
            yield from self._opened.joint.word_log_probs(np.concatenate(waiting))[:, words].astype(np.float64)

    def _asked(self, probe: Probe, window: ScoredStretch | None) -> AskedStates:
        family = self._opened.joint
        sequence = family.text(probe.pieces) if window is None else family.joint(probe.pieces, window)
        return sequence, (sequence.text_start + probe.mask,)


def prepare_questions(opened: OpenedModel) -> None:
    """Prepare the model's own questions; one that cannot be put is an error in the request that puts it, not here."""
    for question in opened.config.questions.values():
        if question.answered_by != "templates":
            continue
        with suppress(InputError):
            LabelScorer(opened, question.templates, question.labels).log_prior()
