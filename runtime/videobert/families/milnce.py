"""Clips and texts in one space, trained on narrated videos: MIL-NCE's two towers (arXiv 1912.06430).

A clip's vector is linear in its feature, a text's is a maximum over its words; their dot product says how well they
agree. Vectors keep their lengths: none is divided by its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, LimitExceeded, ModelError
from videobert.families.family import Capability, LabelOdds, Parts, Pieces, RunStage, States, Stretch, WordTable
from videobert.model.config import ModelConfig, TwoTowersConfig
from videobert.text.reader import TextTokenizer

# Texts, and clips, that a stage is given at a time.
_AT_ONCE = 32


class MilNce:
    """See `videobert.families.family`: it embeds, aligns and chooses among labels.

    Args:
        config: of the model.
        tokenizer: its words. One that it does not have counts for nothing, as in training.
        run: runs a stage.
    """

    head_for: ClassVar[Mapping[Capability, str | None]] = MappingProxyType(
        {"aligns": None, "embeds": None, "classifies": None}
    )
    comparable: ClassVar[bool] = True
    wants_features: ClassVar[bool] = True

    @staticmethod
    def parts(config: ModelConfig) -> Mapping[Capability, Parts]:
        """See `FamilyClass.parts`: a tower for each side."""
        own = Parts(text=("text_embedding",), video=("video_embedding",))
        return {"aligns": own, "embeds": own, "classifies": own}

    def __init__(self, config: ModelConfig, tokenizer: TextTokenizer, run: RunStage) -> None:
        self._towers = _towers_of(config)
        self._places = config.encoder.positions
        self._no_word = tokenizer.special.unknown
        self._run = run

    @staticmethod
    def word_table(config: ModelConfig) -> WordTable:
        """See `FamilyClass.word_table`: row 0 stands where no word is."""
        return WordTable("text_embedding.words.weight", config.words, f"{config.words - 1} words, and none")

    def room(self, text_pieces: int) -> int:
        """Clips beside a text: as many as one likes, since they share no places with it."""
        return 65_536

    def vector(
        self, pieces: Pieces | None, stretches: Sequence[Stretch] | None, cancel: threading.Event | None = None
    ) -> States:
        """See `Embeds.vector`: a video's is the mean over its clips; text and video together are the middle of both."""
        parts: list[npt.NDArray[np.floating]] = []
        if pieces is not None:
            parts.append(self._text_vectors([pieces], cancel)[0])
        if stretches is not None:
            # A sum as the vectors come keeps a long video's clips out of memory.
            total, clips = np.zeros(self._towers.width, np.float64), 0
            for vectors in self._clip_vectors(stretches, cancel):
                total += vectors.sum(axis=0, dtype=np.float64)
                clips += len(vectors)
            parts.append(total / clips)
        middle: States = np.stack(parts).mean(axis=0, dtype=np.float64).astype(np.float32)
        return middle

    def text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None = None) -> States:
        """See `Embeds.text_vectors`."""
        return self._text_vectors(texts, cancel)

    def log_odds(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.float64]:
        """See `Aligns.log_odds`: linear in `similarity`, by `TwoTowersConfig`."""
        return self.as_log_odds(self.similarity(pieces, stretches, cancel))

    def similarity(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.float64]:
        """See `Compares.similarity`: the dot product of the text's vector and the mean of the clips'."""
        return self._similarities([[pieces]], stretches, cancel)[:, 0]

    def label_log_odds(
        self, labels: Sequence[Sequence[Pieces]], stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> LabelOdds:
        """See `ChoosesLabels.label_log_odds`."""
        log_odds = self.as_log_odds(self._similarities(labels, stretches, cancel))
        return LabelOdds(log_odds, np.ones(len(stretches), np.bool_))

    def label_sentences(self, label: str) -> list[str]:
        """See `ChoosesLabels.label_sentences`: the label itself, which is how a narrator would say it."""
        return [label]

    def prepare(self) -> None:
        """See `ChoosesLabels.prepare`: nothing is shared by all answers."""

    def _similarities(
        self, labels: Sequence[Sequence[Pieces]], stretches: Sequence[Stretch], cancel: threading.Event | None
    ) -> npt.NDArray[np.float64]:
        """Dot products, `(stretches, labels)`: of a label's mean vector and a stretch's."""
        texts = [self._text_vectors(sentences, cancel).mean(axis=0, dtype=np.float64) for sentences in labels]
        clips = [vectors.mean(axis=0, dtype=np.float64) for vectors in self._clip_vectors(stretches, cancel)]
        products: npt.NDArray[np.float64] = np.stack(clips) @ np.stack(texts).T
        return products

    def as_log_odds(self, similarity: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """See `Compares.as_log_odds`."""
        return (similarity.astype(np.float64) - self._towers.similarity_at_half) / self._towers.similarity_scale

    def _clip_vectors(self, stretches: Sequence[Stretch], cancel: threading.Event | None) -> Iterator[States]:
        """The vectors of each stretch's clips, float32 `(clips, width)`."""
        for stretch in stretches:
            stop_if(cancel)
            if stretch.features is None:
                raise InputError(
                    "this model needs features, which saved tokens do not hold",
                    fix="Pass the video itself, or its saved features.",
                )
            blocks = (stretch.features[at : at + _AT_ONCE] for at in range(0, len(stretch.features), _AT_ONCE))
            yield np.concatenate(
                [self._run("video_embedding", features=np.ascontiguousarray(block)) for block in blocks]
            )

    def _text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None) -> States:
        """The vectors of texts, float32 `(n, width)`."""
        # Row 0 of the table in every place without a word, where training had it: it may win the maximum over words.
        ids = np.zeros((len(texts), self._places), np.int64)
        for row, pieces in zip(ids, texts, strict=True):
            words = [piece for piece in pieces if piece != self._no_word]
            if len(words) > self._places:
                raise LimitExceeded(
                    "the text is longer than the model can hold",
                    seen=f"{len(words)} words that it knows",
                    allowed=f"at most {self._places}",
                    fix="Shorten the text or split it.",
                )
            row[: len(words)] = words
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            stop_if(cancel)
            found.append(self._run("text_embedding", ids=ids[start : start + _AT_ONCE]))
        return np.concatenate(found)


def _towers_of(config: ModelConfig) -> TwoTowersConfig:
    if config.two_towers is None:
        raise ModelError(
            "a model of the family milnce has no two_towers", seen=config.name, fix="Import the checkpoint again."
        )
    return config.two_towers
