"""Clips and texts in one space, without training: convex combination of semantic embeddings (arXiv 1312.5650).

A classifier names what a clip shows; the clip's vector is the mean of its labels' text vectors, weighted by their
probabilities. A text's vector is the mean of the text encoder's states, as the encoder was trained to be compared.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import LimitExceeded, ModelError
from videobert.families.batches import batches, padded_ids
from videobert.families.family import Capability, LabelOdds, Parts, Pieces, RunStage, States, Stretch, WordTable
from videobert.families.feature_classifier import FeatureClassifier
from videobert.families.judged import SHARE_OF_SURE_CLIPS, Judged
from videobert.model.config import ModelConfig, TextSpaceConfig
from videobert.model.questions import question_stage
from videobert.text.reader import TextTokenizer

LABEL = "{label}"
# Stretches that the classifier is given at a time.
_STRETCHES = 256
# Questions whose texts' vectors are kept: one question is asked about many stretches, a few at a time.
_KEPT = 64

Item = TypeVar("Item")


class Conse:
    """See `videobert.families.family`: it embeds, aligns and chooses among labels.

    Args:
        config: of the model.
        tokenizer: its word pieces and special words.
        run: runs a stage.
    """

    head_for: ClassVar[Mapping[Capability, str | None]] = MappingProxyType(
        {"aligns": None, "embeds": None, "classifies": None}
    )
    comparable: ClassVar[bool] = True
    wants_features: ClassVar[bool] = True

    def __init__(self, config: ModelConfig, tokenizer: TextTokenizer, run: RunStage) -> None:
        self._space = _space_of(config)
        self._question = config.questions[self._space.question]
        self._classifier = FeatureClassifier(self._space.question, self._question, run)
        self._positions = config.encoder.positions
        self._tokenizer, self._run = tokenizer, run
        self._lock = threading.Lock()
        self._labels: npt.NDArray[np.float32] | None = None
        self._kept: OrderedDict[tuple[tuple[int, ...], ...], npt.NDArray[np.float32]] = OrderedDict()

    @staticmethod
    def word_table(config: ModelConfig) -> WordTable:
        """See `FamilyClass.word_table`."""
        return WordTable("text_encoder.tokens.weight", config.words, f"{config.words} words")

    @staticmethod
    def parts(config: ModelConfig) -> Mapping[Capability, Parts]:
        """See `FamilyClass.parts`: the labels' vectors are those of texts."""
        question = _space_of(config).question
        classifier = str(question_stage(question, config.questions[question]))
        own = Parts(("text_encoder",), video=(classifier,))
        return {"aligns": own, "embeds": own, "classifies": own}

    def room(self, text_pieces: int) -> int:
        """Clips beside a text: as many as one likes, since they share no positions with it.

        Raises:
            LimitExceeded: the text alone is too long.
        """
        self._check_length(text_pieces)
        return 65_536

    def vector(
        self,
        pieces: Pieces | None,
        stretches: Sequence[Stretch] | None,
        cancel: threading.Event | None = None,
    ) -> States:
        """See `Embeds.vector`: of length one; text and video together are the middle of both."""
        parts = []
        if pieces is not None:
            parts.append(self._asked([[pieces]], cancel)[0][0])
        if stretches is not None:
            parts.append(self._middle(stretches, cancel))
        return _unit(np.sum(parts, axis=0))

    def text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None = None) -> States:
        """See `Embeds.text_vectors`."""
        # Not kept: many texts would push out what is asked again.
        return np.stack([_unit(vector) for vector in self._text_vectors(texts, cancel)])

    def log_odds(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.float64]:
        """See `Aligns.log_odds`."""
        return self.label_log_odds([[pieces]], stretches, cancel).log_odds[:, 0]

    def label_log_odds(
        self,
        labels: Sequence[Sequence[Pieces]],
        stretches: Sequence[Stretch],
        cancel: threading.Event | None = None,
    ) -> LabelOdds:
        """See `ChoosesLabels.label_log_odds`."""
        texts = np.stack([_unit(vectors.sum(axis=0)) for vectors in self._asked(labels, cancel)])
        clips, sure = [], []
        for seen in self._seen_each(stretches, cancel):
            clips.append(self._combined(seen))
            sure.append(seen.sure.mean())
        cosines = np.stack(clips).astype(np.float64) @ texts.T.astype(np.float64)
        space = self._space
        share = np.array(sure)
        log_odds = (cosines - space.cosine_at_half) / space.cosine_scale - space.unsure_penalty * (1 - share[:, None])
        return LabelOdds(log_odds, share >= SHARE_OF_SURE_CLIPS)

    def label_sentences(self, label: str) -> list[str]:
        """See `ChoosesLabels.label_sentences`."""
        return [template.replace(LABEL, label) for template in self._space.query_templates]

    def prepare(self) -> None:
        """See `ChoosesLabels.prepare`: the vectors of the classifier's labels."""
        self._label_vectors()

    def _seen_each(self, stretches: Sequence[Stretch], cancel: threading.Event | None) -> Iterator[Judged]:
        """`_seen` of each; the classifier judges many at a time, for one at a time it would mostly be started."""
        for group in _groups(stretches, _STRETCHES):
            stop_if(cancel)
            rows = [stretch.features for stretch in group if stretch.features is not None]
            said = self._classifier.judge(np.concatenate(rows)) if rows else None
            at = 0
            for stretch in group:
                here = slice(at, at := at + (0 if stretch.features is None else len(stretch.features)))
                yield self._seen(stretch, None if said is None else Judged(said.probabilities[here], said.sure[here]))

    def _seen(self, stretch: Stretch, said: Judged | None) -> Judged:
        """Probabilities of the classifier's labels for each clip, and where it is sure.

        Args:
            said: what the classifier says of the stretch's features; not looked at where it has none.
        """
        if stretch.features is not None and said is not None:
            return said if stretch.sure is None else Judged(said.probabilities, stretch.sure)
        # Saved tokens say which label was first, and no more.
        rows = np.zeros((len(stretch.ids), len(self._question.labels)))
        rows[np.arange(len(rows)), stretch.ids] = 1
        return Judged(rows, np.ones(len(rows), np.bool_) if stretch.sure is None else stretch.sure)

    def _middle(self, stretches: Sequence[Stretch], cancel: threading.Event | None) -> States:
        """The vector of a whole video: clips that the classifier is sure of count, or all if it is sure of none."""
        total = np.zeros((2, self._label_vectors(cancel).shape[1]))
        for seen in self._seen_each(stretches, cancel):
            for row, is_sure in enumerate(seen.sure):
                one = Judged(seen.probabilities[row : row + 1], seen.sure[row : row + 1])
                total[int(is_sure)] += self._combined(one)
        return _unit(total[1] if total[1].any() else total[0])

    def _combined(self, seen: Judged) -> States:
        """The convex combination of label vectors by their mean probability over the clips, of length one."""
        shares = seen.probabilities.mean(axis=0)
        best = np.argsort(-shares, kind="stable")[: self._space.top]
        return _unit(shares[best] @ self._label_vectors()[best])

    def _label_vectors(self, cancel: threading.Event | None = None) -> npt.NDArray[np.float32]:
        with self._lock:
            if self._labels is None:
                sentences = self._space.label_texts or [
                    tuple(template.replace(LABEL, label) for template in self._space.label_templates)
                    for label in self._question.labels
                ]
                # Each text once: labels share some.
                place = {text: at for at, text in enumerate(dict.fromkeys(t for texts in sentences for t in texts))}
                vectors = self._text_vectors([self._tokenizer.encode(text) for text in place], cancel)
                self._labels = np.stack([_unit(vectors[[place[t] for t in texts]].sum(axis=0)) for texts in sentences])
            return self._labels

    def _asked(
        self, asked: Sequence[Sequence[Pieces]], cancel: threading.Event | None
    ) -> list[npt.NDArray[np.float32]]:
        """`_text_vectors` of each list of texts, kept for whoever asks the same next: `search` and `locate` do so
        within one call. What is not known is encoded together, since an encoder's call costs much beside a short text.
        """
        keys = [tuple(map(tuple, texts)) for texts in asked]
        found: dict[tuple[tuple[int, ...], ...], npt.NDArray[np.float32]] = {}
        with self._lock:
            for key in keys:
                if (known := self._kept.get(key)) is not None:
                    self._kept.move_to_end(key)
                    found[key] = known
        new = [key for key in dict.fromkeys(keys) if key not in found]
        if new:
            vectors = iter(self._text_vectors([pieces for key in new for pieces in key], cancel))
            # Arrays of their own: a view would keep all of them alive.
            made = {key: np.stack(list(islice(vectors, len(key)))) for key in new}
            found |= made
            with self._lock:
                self._kept |= made
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return [found[key] for key in keys]

    def _text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None) -> npt.NDArray[np.float32]:
        """The vectors of texts, float32 `(n, width)`, each of length one."""
        special = self._tokenizer.special
        for pieces in texts:
            self._check_length(len(pieces))
        found: dict[int, States] = {}
        for call in batches([len(pieces) + 2 for pieces in texts]):
            stop_if(cancel)
            ids, lengths = padded_ids([[special.cls, *texts[place], special.sep] for place in call], special.pad)
            states = self._run("text_encoder", ids=ids, lengths=lengths)
            for at, place in enumerate(call):
                found[place] = _unit(states[at, : lengths[at]].sum(axis=0, dtype=np.float64))
        return np.stack([found[place] for place in range(len(texts))])

    def _check_length(self, pieces: int) -> None:
        if pieces + 2 > self._positions:
            raise LimitExceeded(
                "the text is longer than the model can hold",
                seen=f"{pieces} word pieces",
                allowed=f"at most {self._positions - 2} word pieces here",
                fix="Shorten the text or split it.",
            )


def _space_of(config: ModelConfig) -> TextSpaceConfig:
    if config.text_space is None:
        raise ModelError(
            "a model of the family conse has no text space",
            seen=config.name,
            fix="Get or import the model again.",
        )
    return config.text_space


def _groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while group := list(islice(remaining, size)):
        yield group


def _unit(vector: npt.NDArray[np.floating]) -> States:
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / max(length, 1e-12)).astype(np.float32)
