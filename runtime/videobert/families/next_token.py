"""A model that was trained to tell the next token: visual tokens to come, from those so far and a text.

Sequences are `<sos> text <sep> visual tokens`, and without a text `<sos> visual tokens`, all of it in the segment of
the video, as the reproduction was trained whose checkpoints these are (ammesatyajit/VideoBERT).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, LimitExceeded
from videobert.families.batches import padded_ids
from videobert.families.family import Capability, Parts, Pieces, RunStage, States, WordTable
from videobert.families.log_softmax import log_softmax
from videobert.model.config import ModelConfig
from videobert.text.reader import TextTokenizer

# Sequences that a stage is given at a time.
_AT_ONCE = 16
_TEXT, _VIDEO = 0, 1


class NextToken:
    """See `videobert.families.family`: it forecasts, and nothing else.

    Args:
        config: of the model.
        tokenizer: its special words: `[CLS]` is what begins a sequence, `[SEP]` what stands behind a text.
        run: runs a stage.
    """

    head_for: ClassVar[Mapping[Capability, str | None]] = MappingProxyType({"forecasts": None})
    wants_features: ClassVar[bool] = False

    @staticmethod
    def parts(config: ModelConfig) -> Mapping[Capability, Parts]:
        """See `FamilyClass.parts`."""
        return {"forecasts": Parts(("past_encoder", "next_token_head"))}

    def __init__(self, config: ModelConfig, tokenizer: TextTokenizer, run: RunStage) -> None:
        self._positions = config.encoder.positions
        self._words, self._visual_tokens = config.words, config.visual_tokens
        self._special, self._run = tokenizer.special, run

    @staticmethod
    def word_table(config: ModelConfig) -> WordTable:
        """See `FamilyClass.word_table`: words and visual tokens share one table."""
        words = f"{config.words} words and {config.visual_tokens} visual tokens"
        return WordTable("past_encoder.tokens.weight", config.words + config.visual_tokens, words)

    def room(self, text_pieces: int) -> int:
        """Visual tokens that fit beside a text of so many pieces.

        Raises:
            LimitExceeded: not one fits.
        """
        before = text_pieces + 2 if text_pieces else 1
        if before >= self._positions:
            raise LimitExceeded(
                "the text is longer than the model can hold",
                seen=f"{text_pieces} words",
                allowed=f"at most {self._positions - 3} words here",
                fix="Shorten the text or split it.",
            )
        return self._positions - before

    def next_log_probs(
        self,
        pieces: Pieces | None,
        pasts: Sequence[npt.NDArray[np.integer]],
        cancel: threading.Event | None = None,
    ) -> States:
        """See `Forecasts.next_log_probs`: given that another visual token comes, and the sequence does not end."""
        rows = [self._sequence(pieces or (), np.asarray(past, np.int64)) for past in pasts]
        found = []
        for group in _groups(rows):
            stop_if(cancel)
            ids, lengths = padded_ids([ids for ids, _ in group], self._special.pad)
            segments, _ = padded_ids([segments for _, segments in group], _VIDEO)
            states = self._run("past_encoder", ids=ids, segments=segments)
            last = np.ascontiguousarray(states[np.arange(len(group)), lengths - 1])
            logits = self._run("next_token_head", states=last)
            found.append(log_softmax(logits[:, self._words :]))
        return np.concatenate(found)

    def _sequence(
        self, pieces: Pieces, past: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Ids and segments, int64 `(length,)` each."""
        limit = self._visual_tokens
        if len(past) and (past.min() < 0 or past.max() >= limit):
            raise InputError("visual tokens are out of range", seen=past, allowed=f"0 to {limit - 1}")
        if not len(past) and not pieces:
            raise InputError("there is nothing to go on from", fix="Give visual tokens, a text or both.")
        room = self.room(len(pieces))
        if len(past) > room:
            raise LimitExceeded(
                "the sequence is longer than the model's positions",
                seen=f"{len(pieces)} words and {len(past)} visual tokens",
                allowed=f"{room} visual tokens beside this text",
                fix="Use the latest visual tokens only, or a shorter text.",
            )
        # Without a text, the first place belongs to the video too.
        head = [self._special.cls, *pieces, self._special.sep] if pieces else [self._special.cls]
        ids = np.concatenate([np.array(head, np.int64), past + self._words])
        segments = np.full(len(ids), _VIDEO, np.int64)
        if pieces:
            segments[: len(head)] = _TEXT
        return ids, segments


_Row = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _groups(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    remaining = iter(rows)
    while group := list(islice(remaining, _AT_ONCE)):
        yield group
