"""The family of the paper: one encoder over joint sequences `[CLS] text [>] visual tokens [SEP]`, and its heads.

arXiv 1904.01766, section 3.2.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, LimitExceeded
from videobert.families.batches import batches, padded_ids
from videobert.families.distinct_states import distinct_states
from videobert.families.family import (
    Asked,
    Capability,
    Features,
    JointInput,
    Parts,
    Pieces,
    RunStage,
    States,
    Stretch,
    WordTable,
)
from videobert.families.log_softmax import log_softmax
from videobert.model.config import VISUAL_TOKENS, ModelConfig
from videobert.model.stage import Stage
from videobert.text.reader import TextTokenizer
from videobert.text.special_ids import SpecialIds

# Sequences that are laid out in calls at a time, and states that a head is given.
_TOGETHER = 64
_HEAD_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSequence:
    """One sequence for the joint encoder.

    Args:
        ids: int64 `(length,)` ids in the joint vocabulary.
        segments: int64 `(length,)`; 0 for `[CLS]`, text and `[>]`, 1 for visual tokens and the `[SEP]` after them. Of
            a model with one segment, such as one made of a RoBERTa, all are 0.
        visual_start: index of the first visual token; equal to the length if there is none.

    Attributes:
        whole: the index of `[CLS]`, whose state stands for the whole sequence.
        text_start: the index of the first word piece.
    """

    ids: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int64]
    visual_start: int
    whole: ClassVar[int] = 0
    text_start: ClassVar[int] = 1

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def key(self) -> bytes:
        """See `JointInput.key`."""
        return self.ids.tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sequences padded at their end to one length: int64 `(batch, length)` twice, and int64 `(batch,)`."""

    ids: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


class VideoBert:
    """See `videobert.families.family`: it fills, aligns, embeds, forecasts and chooses among words.

    Args:
        config: of the model.
        tokenizer: its special words, and which words can be an answer.
        run: runs a stage.
    """

    head_for: ClassVar[Mapping[Capability, str | None]] = MappingProxyType(
        {
            "fills_words": "text",
            "fills_moments": "visual",
            "aligns": "alignment",
            "embeds": None,
            "classifies": "text",
            "forecasts": "visual",
        }
    )

    # Vectors of text and of video are comparable with each other only with a retrieval head, which it lacks.
    comparable: ClassVar[bool] = False
    wants_features: ClassVar[bool] = False

    def __init__(self, config: ModelConfig, tokenizer: TextTokenizer, run: RunStage) -> None:
        self._width = config.encoder.width
        self._builder = SequenceBuilder(config, tokenizer.special)
        self._answers = tokenizer.answers
        self._run = run
        self.room, self.text = self._builder.room, self._builder.text

    @staticmethod
    def word_table(config: ModelConfig) -> WordTable:
        """See `FamilyClass.word_table`: words, visual tokens and the joiner share one table."""
        words = f"{config.words} words, {config.visual_tokens} visual tokens and the joiner"
        return WordTable("encoder.tokens.weight", config.vocabulary, words)

    @staticmethod
    def parts(config: ModelConfig) -> Mapping[Capability, Parts]:
        """See `FamilyClass.parts`."""
        heads: dict[Capability, str] = {
            "fills_words": "text_head",
            "fills_moments": "visual_head",
            "aligns": "alignment_head",
            "classifies": "text_head",
            "forecasts": "visual_head",
        }
        told = {capability: Parts(("encoder", head), video=(VISUAL_TOKENS,)) for capability, head in heads.items()}
        return told | {"embeds": Parts(("encoder",), video=(VISUAL_TOKENS,))}

    def joint(self, pieces: Pieces, stretch: Stretch, masked: Collection[int] = ()) -> JointSequence:
        """See `Joint.joint`."""
        return self._builder.joint(pieces, stretch.ids, masked)

    def states(self, asked: Iterable[Asked], cancel: threading.Event | None = None) -> Iterator[States]:
        """See `Joint.states`."""
        remaining = iter(asked)
        while group := list(islice(remaining, _TOGETHER)):
            # A task has them from `text` and `joint`.
            sequences = [cast(JointSequence, sequence) for sequence, _ in group]
            found: dict[int, States] = {}
            for rows in batches([len(sequence) for sequence in sequences]):
                stop_if(cancel)
                batch = self._builder.batch([sequences[row] for row in rows])
                states = self._run("encoder", ids=batch.ids, segments=batch.segments, lengths=batch.lengths)
                for place, row in enumerate(rows):
                    found[row] = states[place, list(group[row][1])]
            yield from (found[row] for row in range(len(group)))

    def word_log_probs(self, states: States) -> States:
        """See `Joint.word_log_probs`."""
        logits = self._run_head("text_head", states)
        logits[:, ~self._answers] = -np.inf
        return log_softmax(logits)

    def moment_log_probs(self, states: States, moments: Features) -> States:
        """See `Joint.moment_log_probs`; its head knows the codebook's visual tokens by their rows of the table."""
        return log_softmax(self._run_head("visual_head", states))

    def next_log_probs(
        self,
        pieces: Pieces | None,
        pasts: Sequence[npt.NDArray[np.integer]],
        cancel: threading.Event | None = None,
    ) -> States:
        """See `Forecasts.next_log_probs`: a hidden place behind each past."""
        return np.concatenate([self.ahead_log_probs(pieces, past, (1,), cancel) for past in pasts])

    def ahead_log_probs(
        self,
        pieces: Pieces | None,
        past: npt.NDArray[np.integer],
        ahead: Sequence[int],
        cancel: threading.Event | None = None,
    ) -> States:
        """See `ForecastsAhead.ahead_log_probs`: hidden places behind the past, filled in as any other would be.

        The paper shows forecasts at several offsets (figure 2 of arXiv 1904.01766) and does not say how they were read;
        training hides places all over a sequence, its last ones among them.
        """
        if not len(past) and not pieces:
            raise InputError("there is nothing to go on from", fix="Give visual tokens, a text or both.")
        states = list(self.states([self._ahead(pieces or (), past, steps) for steps in ahead], cancel))
        return log_softmax(self._run_head("visual_head", np.concatenate(states)))

    def _ahead(self, pieces: Pieces, past: npt.NDArray[np.integer], steps: int) -> Asked:
        """A past and as many hidden places behind it, the last of them asked for: whatever else is asked for."""
        # What stands in a hidden place does not matter.
        tokens = np.concatenate([np.asarray(past, np.int64), np.zeros(steps, np.int64)])
        sequence = self._builder.joint(pieces, tokens, range(len(past), len(tokens)))
        return sequence, [sequence.visual_start + len(tokens) - 1]

    def vector(
        self, pieces: Pieces | None, stretches: Sequence[Stretch] | None, cancel: threading.Event | None = None
    ) -> States:
        """See `Embeds.vector`: the mean over stretches of the final state of `[CLS]`."""
        sequences = [self.text(pieces or ())] if stretches is None else self._joint_of(pieces or (), stretches)
        # A sum as the states come keeps a long video's stretches out of memory.
        total = np.zeros(self._width, np.float64)
        for state in self._whole(sequences, cancel):
            total += state[0]
        return (total / len(sequences)).astype(np.float32)

    def text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None = None) -> States:
        """See `Embeds.text_vectors`."""
        sequences = [self.text(pieces) for pieces in texts]
        return np.concatenate(list(self._whole(sequences, cancel)))

    def log_odds(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.float32]:
        """See `Aligns.log_odds`."""
        states = np.concatenate(list(self._whole(self._joint_of(pieces, stretches), cancel)))
        return self._run_head("alignment_head", states)

    def _joint_of(self, pieces: Pieces, stretches: Sequence[Stretch]) -> Sequence[JointInput]:
        return [self.joint(pieces, stretch) for stretch in stretches]

    def _whole(self, sequences: Sequence[JointInput], cancel: threading.Event | None) -> Iterator[States]:
        """The states that stand for whole sequences, float32 `(1, width)` each."""
        return distinct_states(self.states, [(sequence, (sequence.whole,)) for sequence in sequences], cancel)

    def _run_head(self, head: Stage, states: States) -> States:
        states = np.ascontiguousarray(states)
        blocks = [states[start : start + _HEAD_ROWS] for start in range(0, len(states), _HEAD_ROWS)]
        return np.concatenate([self._run(head, states=block) for block in blocks])


class SequenceBuilder:
    """Builds sequences for one model.

    Args:
        config: id layout and the number of positions.
        special: ids of the tokenizer's special words.
    """

    def __init__(self, config: ModelConfig, special: SpecialIds) -> None:
        self._config = config
        self._special = special

    def room(self, text_pieces: int) -> int:
        """Visual tokens that fit beside a text of so many pieces: `[CLS]`, `[>]` and `[SEP]` take three positions.

        Raises:
            LimitExceeded: not one fits.
        """
        room = self._config.encoder.positions - 3 - text_pieces
        if room < 1:
            raise self._too_long(text_pieces, self._config.encoder.positions - 4)
        return room

    def text(self, pieces: Sequence[int]) -> JointSequence:
        """`[CLS] text [SEP]`, all segment 0, as BERT.

        Raises:
            LimitExceeded: longer than the model's positions. Nothing is ever cut off silently.
        """
        length = len(pieces) + 2
        if length > self._config.encoder.positions:
            raise self._too_long(len(pieces), self._config.encoder.positions - 2)
        ids = np.array([self._special.cls, *pieces, self._special.sep], np.int64)
        return JointSequence(ids=ids, segments=np.zeros(length, np.int64), visual_start=length)

    def joint(
        self,
        pieces: Sequence[int],
        visual: Sequence[int] | npt.NDArray[np.integer],
        masked: Collection[int] = (),
    ) -> JointSequence:
        """`[CLS] text [>] visual [SEP]`; with no pieces, the video-only form `[CLS] [>] visual [SEP]`.

        Args:
            pieces: word ids.
            visual: visual tokens, 0 to K-1.
            masked: positions in `visual` that are replaced by `[MASK]`.

        Raises:
            InputError: no visual token, one out of range, or a masked position that does not exist.
            LimitExceeded: longer than the model's positions.
        """
        tokens = np.asarray(visual, np.int64)
        self._check_visual(tokens, masked)
        if len(tokens) > self.room(len(pieces)):
            raise LimitExceeded(
                "the sequence is longer than the model's positions",
                seen=f"{len(pieces)} word pieces and {len(tokens)} visual tokens",
                allowed=f"{self.room(len(pieces))} visual tokens beside this text",
                fix="Use fewer visual tokens or a shorter text.",
            )
        shifted = tokens + self._config.words
        shifted[list(masked)] = self._special.mask
        head = np.array([self._special.cls, *pieces, self._config.joiner_id], np.int64)
        ids = np.concatenate([head, shifted, np.array([self._special.sep], np.int64)])
        segments = np.zeros(len(ids), np.int64)
        segments[len(head) :] = min(1, self._config.encoder.segments - 1)
        return JointSequence(ids=ids, segments=segments, visual_start=len(head))

    def batch(self, sequences: Sequence[JointSequence]) -> Batch:
        """Pad sequences at their end; at least one is needed."""
        ids, lengths = padded_ids([sequence.ids for sequence in sequences], self._special.pad)
        segments, _ = padded_ids([sequence.segments for sequence in sequences], 0)
        return Batch(ids=ids, segments=segments, lengths=lengths)

    def _check_visual(self, tokens: npt.NDArray[np.int64], masked: Collection[int]) -> None:
        limit = self._config.visual_tokens
        if not len(tokens) or tokens.min() < 0 or tokens.max() >= limit:
            raise InputError("visual tokens are missing or out of range", seen=tokens, allowed=f"0 to {limit - 1}")
        for position in masked:
            if not 0 <= position < len(tokens):
                raise InputError(
                    "a masked visual position does not exist", seen=position, allowed=f"0 to {len(tokens) - 1}"
                )

    def _too_long(self, pieces: int, allowed: int) -> LimitExceeded:
        return LimitExceeded(
            "the text is longer than the model can hold",
            seen=f"{pieces} word pieces",
            allowed=f"at most {allowed} word pieces here",
            fix="Shorten the text or split it.",
        )
