"""Questions prepared once for each model: what is the same in every request for the same templates and labels.

That is their word pieces, and the language prior, which takes the encoder. The model's own questions are kept for good,
those of a caller as long as there is room.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, UsageError
from videobert.families.family import Family
from videobert.model.questions import QuestionConfig
from videobert.text.reader import MASK, TextTokenizer

LABEL = "{label}"
# Of callers' questions: how many are kept, and how many numbers they hold together, about 20 MB.
_MOST_KEPT = 32
_MOST_NUMBERS = 1 << 19
_LOOK_AT_CANCEL_S = 0.1

Prior = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Probe:
    """A sentence with one masked piece."""

    pieces: tuple[int, ...]
    mask: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The labels in one template.

    Args:
        probes: the sentences to encode, each once.
        words: the ids whose log-probabilities are wanted there, rising.
        terms: for each label the (probe, column of `words`) pairs whose log-probabilities it sums.
    """

    probes: tuple[Probe, ...]
    words: tuple[int, ...]
    terms: tuple[tuple[tuple[int, int], ...], ...]


class Question:
    """Labels in templates, as word pieces, and their language prior once somebody has asked for it. Thread-safe.

    Args:
        templates, labels: see `LabelScorer`.
        tokenizer, family: of the model.

    Attributes:
        asked: each different template with its labels.
        order: for each template given, its place in `asked`.
        longest: word pieces of the longest sentence.
        unknown_words: words of the templates that the model does not know.

    Raises:
        InputError: a template without a blank, labels that are double or hold words unknown to the model.
        LimitExceeded: a template with a label in it leaves no room for a clip.
    """

    def __init__(
        self,
        templates: tuple[str, ...],
        labels: tuple[str, ...],
        tokenizer: TextTokenizer,
        family: Family,
    ) -> None:
        _check_labels(labels)
        self.templates, self.labels = templates, labels
        sides = {template: _sides(template, tokenizer) for template in templates}
        different = tuple(sides)
        spaces = {template: tokenizer.label_has_space(before) for template, (before, _) in sides.items()}
        pieces = {space: _label_pieces(labels, space, tokenizer) for space in dict.fromkeys(spaces.values())}
        self.asked = tuple(
            _asked(*sides[template], pieces[spaces[template]], tokenizer, family) for template in different
        )
        self.order = tuple(different.index(template) for template in templates)
        self.longest = max(len(probe.pieces) for asked in self.asked for probe in asked.probes)
        read = (tokenizer.read(template.replace(LABEL, MASK), masks=True) for template in different)
        self.unknown_words = tuple(dict.fromkeys(word for part in read for word in part.unknown_words))
        self._prior: Prior | None = None
        self._computing = threading.Lock()

    def prior(self, compute: Callable[[], Prior], cancel: threading.Event | None = None) -> Prior:
        """The language prior: what `compute` gives, which is called once; if it fails, the next caller's is.

        Callers who come meanwhile wait for it, and give up when their own `cancel` is set.
        """
        if self._prior is None:
            while not self._computing.acquire(timeout=_LOOK_AT_CANCEL_S):
                stop_if(cancel)
            try:
                if self._prior is None:
                    prior = compute()
                    prior.flags.writeable = False
                    self._prior = prior
            finally:
                self._computing.release()
        return self._prior

    def numbers(self) -> int:
        """How many numbers it takes to hold it, about."""
        return len(self.labels) + sum(
            sum(len(probe.pieces) for probe in asked.probes) + 2 * sum(map(len, asked.terms)) for asked in self.asked
        )


class Questions:
    """The questions that were put to a model. Thread-safe.

    Args:
        own: the model's questions, by name.
        tokenizer, family: of the model.
    """

    def __init__(self, own: Mapping[str, QuestionConfig], tokenizer: TextTokenizer, family: Family) -> None:
        self._tokenizer, self._family = tokenizer, family
        self._lock = threading.Lock()
        self._own: dict[tuple[tuple[str, ...], tuple[str, ...]], Question | None] = {
            (question.templates, question.labels): None for question in own.values()
        }
        # The one used last is last.
        self._others: OrderedDict[tuple[tuple[str, ...], tuple[str, ...]], Question] = OrderedDict()
        self._numbers = 0

    def prepared(self, templates: tuple[str, ...], labels: tuple[str, ...]) -> Question:
        """The question of these templates and labels; raises as `Question`, and keeps nothing then."""
        key = (templates, labels)
        with self._lock:
            found = self._own.get(key) or self._others.get(key)
            if found is not None:
                if key in self._others:
                    self._others.move_to_end(key)
                return found
        # Outside the lock: a long list takes its time. Of two threads that come first at once, one is kept.
        made = Question(templates, labels, self._tokenizer, self._family)
        with self._lock:
            return self._keep(key, made)

    def _keep(self, key: tuple[tuple[str, ...], tuple[str, ...]], made: Question) -> Question:
        if key in self._own:
            kept = self._own[key] or made
            self._own[key] = kept
            return kept
        if key in self._others:
            return self._others[key]
        if made.numbers() > _MOST_NUMBERS:
            return made
        self._others[key] = made
        self._numbers += made.numbers()
        while len(self._others) > _MOST_KEPT or self._numbers > _MOST_NUMBERS:
            _, oldest = self._others.popitem(last=False)
            self._numbers -= oldest.numbers()
        return made


def _check_labels(labels: tuple[str, ...]) -> None:
    if len(set(labels)) != len(labels):
        counts = Counter(labels)
        twice = next(label for label in labels if counts[label] > 1)
        raise UsageError("a label is given twice", seen=twice, fix="Give each label once.")


def _sides(template: str, tokenizer: TextTokenizer) -> tuple[str, str]:
    """What stands before and behind a template's blank."""
    sides = template.split(LABEL) if LABEL in template else tokenizer.split_at_masks(template)
    if len(sides) != 2:
        raise UsageError(
            "a template needs one place for the label",
            seen=template,
            allowed=f"one {MASK}, or one {LABEL}",
            fix='For example "a [MASK] circle".',
        )
    return sides[0], sides[1]


def _label_pieces(labels: tuple[str, ...], space: bool, tokenizer: TextTokenizer) -> list[tuple[int, ...]]:
    known: dict[tuple[int, ...], str] = {}
    for label in labels:
        pieces = tuple(tokenizer.label(label, space=space))
        if not pieces or tokenizer.special.unknown in pieces:
            raise InputError(
                "the model does not know this label", seen=label, fix="Use words that are in its tokenizer.json."
            )
        # Their scores would be one and the same number, taken from each other.
        if known.setdefault(pieces, label) != label:
            raise UsageError(
                "two labels are the same to this model",
                seen=f"{known[pieces]!r} and {label!r}",
                allowed="labels that its tokenizer tells apart",
                fix="Leave one of them out.",
            )
    return list(known)


def _asked(
    before: str, after: str, labels: Sequence[tuple[int, ...]], tokenizer: TextTokenizer, family: Family
) -> Asked:
    if tokenizer.label_has_space(before):
        before = before.rstrip()
    head, tail = (tokenizer.read(part, masks=True).pieces for part in (before, after))
    # Said before anything is made of them: a label of n pieces makes n sentences of n pieces.
    family.room(len(head) + max(map(len, labels)) + len(tail))
    known: dict[Probe, int] = {}
    terms = []
    for pieces in labels:
        pairs = []
        for index, piece in enumerate(pieces):
            hidden = [*pieces[:index], tokenizer.special.mask, *pieces[index + 1 :]]
            probe = Probe((*head, *hidden, *tail), len(head) + index)
            pairs.append((known.setdefault(probe, len(known)), piece))
        terms.append(pairs)
    words = tuple(sorted({word for pairs in terms for _, word in pairs}))
    column = {word: index for index, word in enumerate(words)}
    placed = tuple(tuple((probe, column[word]) for probe, word in pairs) for pairs in terms)
    return Asked(tuple(known), words, placed)
