"""Labels scored in templates: the arithmetic under `classify` and `run`.

A label's log-score in a template is that of its word pieces where the template's blank is: with one piece, its
masked-word log-probability; with more, their pseudo-likelihood, the sum over pieces of the log-probability of each
when it alone is masked. Scores are made relative to the other labels (log-softmax over labels) and averaged over
templates. The language prior, the same score without the video, is subtracted (arXiv 1904.01766, section 4.4, compares
the two; the subtraction keeps a label from winning because the sentence alone suggests it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.cancelling import stop_if
from videobert.errors import InputError, UsageError
from videobert.results import Candidate
from videobert.sequence import JointSequence
from videobert.stages import Stages, log_softmax
from videobert.tasks.ranking import best
from videobert.text import MASK

LABEL = "{label}"
_GROUP = 64


@dataclass(frozen=True, slots=True)
class _Probe:
    """A sentence with one masked piece."""

    pieces: tuple[int, ...]
    mask: int


class LabelScorer:
    """Scores of some labels in some templates.

    Args:
        stages: the model.
        templates: sentences with one blank each: `{label}`, or the one `[MASK]`. Where `{label}` is used, any
            `[MASK]` beside it stays masked.
        labels: what to choose from.
        prior_strength: how much of the language prior is subtracted: 1 all of it, 0 none.

    Attributes:
        unknown_words: words of the templates that the model does not know.

    Raises:
        InputError: a template without a blank, labels that are missing, double, or hold words unknown to the model.
    """

    def __init__(
        self, stages: Stages, templates: Sequence[str], labels: Sequence[str], prior_strength: float = 1.0
    ) -> None:
        _check(templates, labels, prior_strength)
        self.templates, self.labels = tuple(templates), tuple(labels)
        self._stages = stages
        self._strength = prior_strength
        self._label_pieces = [self._encode_label(label) for label in labels]
        # For each template: its probes, and for each label the (probe, word) pairs whose log-probabilities it sums.
        self._probes: list[list[_Probe]] = []
        self._terms: list[list[list[tuple[int, int]]]] = []
        for template in templates:
            probes, terms = self._template(template)
            self._probes.append(probes)
            self._terms.append(terms)
        read = (stages.tokenizer.read(template.replace(LABEL, MASK), masks=True) for template in templates)
        self.unknown_words = tuple(dict.fromkeys(word for part in read for word in part.unknown_words))
        self.longest = max(len(probe.pieces) for probes in self._probes for probe in probes)
        self._prior: npt.NDArray[np.float64] | None = None

    def scores(self, windows: Sequence[npt.NDArray[np.int32]], cancel: Event | None = None) -> npt.NDArray[np.float64]:
        """Prior-corrected log-scores, float64 `(windows, labels)`, each row normalised over the labels."""
        # Neighbouring windows of a video are often the same tokens: each distinct one is scored once.
        distinct: dict[bytes, int] = {}
        places = [distinct.setdefault(ids.tobytes(), len(distinct)) for ids in windows]
        unique = [np.frombuffer(key, np.int32) for key in distinct]
        raw = np.empty((len(unique), len(self.labels)), np.float64)
        for start in range(0, len(unique), _GROUP):
            stop_if(cancel)
            raw[start : start + _GROUP] = self._raw(unique[start : start + _GROUP], cancel)
        corrected = raw - self._strength * self.log_prior(cancel)
        return log_softmax(corrected).astype(np.float64)[places]

    def log_prior(self, cancel: Event | None = None) -> npt.NDArray[np.float64]:
        """The labels' log-scores from the templates alone, float64 `(labels,)`, normalised over the labels."""
        if self._prior is None:
            self._prior = self._raw([None], cancel)[0]
        return self._prior

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

    def _raw(self, windows: Sequence[npt.NDArray[np.int32] | None], cancel: Event | None) -> npt.NDArray[np.float64]:
        """Scores before the correction; a window that is None stands for the text alone."""
        total = np.zeros((len(windows), len(self.labels)), np.float64)
        for probes, terms in zip(self._probes, self._terms, strict=True):
            items = ((self._sequence(probe, ids), (1 + probe.mask,)) for ids in windows for probe in probes)
            words = sorted({word for pairs in terms for _, word in pairs})
            found = np.stack(list(self._word_log_probs(items, words, cancel))).reshape(len(windows), len(probes), -1)
            column = {word: index for index, word in enumerate(words)}
            sums = np.stack([sum(found[:, probe, column[word]] for probe, word in pairs) for pairs in terms], axis=1)
            total += log_softmax(sums)
        return total / len(self._probes)

    def _word_log_probs(
        self, items: Iterator[tuple[JointSequence, tuple[int]]], words: list[int], cancel: Event | None
    ) -> Iterator[npt.NDArray[np.float64]]:
        waiting: list[npt.NDArray[np.float32]] = []
        for state in self._stages.states(items, cancel):
            waiting.append(state)
            if len(waiting) == _GROUP:
                yield from self._stages.log_probs("text_head", np.concatenate(waiting))[:, words].astype(np.float64)
                waiting.clear()
        if waiting:
            yield from self._stages.log_probs("text_head", np.concatenate(waiting))[:, words].astype(np.float64)

    def _sequence(self, probe: _Probe, ids: npt.NDArray[np.int32] | None) -> JointSequence:
        builder = self._stages.builder
        return builder.text(probe.pieces) if ids is None else builder.joint(probe.pieces, ids)

    def _encode_label(self, label: str) -> list[int]:
        pieces = self._stages.tokenizer.encode(label)
        if not pieces or self._stages.tokenizer.special.unknown in pieces:
            raise InputError(
                "the model does not know this label", seen=label, fix="Use words that are in its tokenizer.json."
            )
        return pieces

    def _template(self, template: str) -> tuple[list[_Probe], list[list[tuple[int, int]]]]:
        blank = LABEL if LABEL in template else MASK
        before, after = template.split(blank)
        head, tail = (self._stages.tokenizer.read(part, masks=True).pieces for part in (before, after))
        mask = self._stages.tokenizer.special.mask
        known: dict[_Probe, int] = {}
        terms = []
        for pieces in self._label_pieces:
            pairs = []
            for index, piece in enumerate(pieces):
                hidden = [*pieces[:index], mask, *pieces[index + 1 :]]
                probe = _Probe((*head, *hidden, *tail), len(head) + index)
                pairs.append((known.setdefault(probe, len(known)), piece))
            terms.append(pairs)
        return list(known), terms


def _check(templates: Sequence[str], labels: Sequence[str], prior_strength: float) -> None:
    for name, values in (("templates", templates), ("labels", labels)):
        if isinstance(values, str) or not values or not all(isinstance(value, str) for value in values):
            raise UsageError(
                f"{name} must be a list of texts",
                seen=values,
                allowed="one text or more",
                fix='For example ["red", "blue"].',
            )
    if len(set(labels)) != len(labels):
        raise UsageError("a label is given twice", seen=", ".join(sorted(labels)), fix="Give each label once.")
    for template in templates:
        blank = LABEL if LABEL in template else MASK
        if template.count(blank) != 1:
            raise UsageError(
                "a template needs one place for the label",
                seen=template,
                allowed=f"one {MASK}, or one {LABEL}",
                fix='For example "a [MASK] circle".',
            )
    if isinstance(prior_strength, bool) or not isinstance(prior_strength, (int, float)) or not 0 <= prior_strength <= 2:
        raise UsageError(
            "prior_strength is out of range",
            seen=prior_strength,
            allowed="0 to 2",
            fix="1 subtracts all of it, 0 none.",
        )
