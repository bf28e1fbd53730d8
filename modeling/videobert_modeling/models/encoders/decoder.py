"""A decoder that tells in words what an encoder saw: UniVL's (arXiv 2002.06353, section 3.4; microsoft/UniVL).

Transformer layers with a LayerNorm after each residual sum: attention over the words so far, attention over the fused
states, a feed-forward network with exact GELU. Word table, position table and output matrix are the text encoder's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.decoder_attention import DecoderAttention
from videobert_modeling.models.encoders.prediction_transform import PredictionTransform
from videobert_modeling.models.encoders.text import TextEncoder
from videobert_modeling.models.encoders.transformer import initialise

Keys = Tensor
Values = Tensor


class WordAttention(nn.Module):
    """Attention over the words so far, with one projection for query, key and value, stacked in that order."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)


class MemoryAttention(nn.Module):
    """Attention over fused states; their keys and values are computed once, with one projection, stacked."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)


class DecoderLayer(nn.Module):
    """Attention over words, attention over memory and a feed-forward network, each with residual sum and LayerNorm."""

    def __init__(self, config: EncoderConfig, dropout: float) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention = WordAttention(config.width)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.memory_attention = MemoryAttention(config.width)
        self.memory_attention_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.inner = nn.Linear(config.width, config.feed_forward)
        self.outer = nn.Linear(config.feed_forward, config.width)
        self.outer_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        states: Tensor,
        past: tuple[Keys, Values, Tensor],
        memory: tuple[Keys, Values, Tensor],
        attention: DecoderAttention,
    ) -> tuple[Tensor, Keys, Values]:
        """States `(batch, length, width)` to states, and the keys and values of these words, of that shape too.

        Args:
            past: keys and values `(batch, past, width)` and lengths of the words before.
            memory: keys and values `(batch, memory, width)` and mask of what is told of.
            attention: what attends.
        """
        query, key, value = self.attention.qkv(states).chunk(3, -1)
        past_keys, past_values, lengths = past
        mixed = attention.over_words(
            self._queries(query), self._rows(past_keys), self._rows(past_values), lengths, self._rows(key),
            self._rows(value),
        )  # fmt: skip
        states = self.attention_norm(states + self.dropout(self.attention.output(_joined(mixed))))
        memory_keys, memory_values, mask = memory
        asked = self._queries(self.memory_attention.query(states))
        mixed = attention.over_memory(asked, self._rows(memory_keys), self._rows(memory_values), mask)
        states = self.memory_attention_norm(states + self.dropout(self.memory_attention.output(_joined(mixed))))
        wide = nn.functional.gelu(self.inner(states))
        return self.outer_norm(states + self.dropout(self.outer(wide))), key, value

    def _rows(self, states: Tensor) -> Tensor:
        return states.reshape(*states.shape[:2], self.heads, -1)

    def _queries(self, states: Tensor) -> Tensor:
        return self._rows(states).transpose(1, 2)


def _joined(mixed: Tensor) -> Tensor:
    return mixed.transpose(1, 2).flatten(2)


class Decoder(nn.Module):
    """The layers, what stands around them, and no tables: those are given.

    Args:
        config: sizes; `positions` at most those of the text encoder.
        words: rows of the word table.
        dropout: on the embeddings and on each residual branch, in training only.

    Attributes:
        attend: how layers attend; may be replaced by another implementation of the same.
        head_size: values of a head.
    """

    def __init__(self, config: EncoderConfig, words: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(DecoderLayer(config, dropout) for _ in range(config.layers))
        self.transform = PredictionTransform(config.width, config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(words))
        self.dropout = nn.Dropout(dropout)
        self.attend = DecoderAttention()
        self.head_size = config.width // config.heads
        self.apply(initialise)

    def memory(self, states: Tensor) -> tuple[Keys, Values]:
        """Keys and values of fused states `(batch, memory, width)`, each `(batch, layers, memory, width)`."""
        layers = cast(Iterable[DecoderLayer], self.layers)
        both = [layer.memory_attention.key_value(states).chunk(2, -1) for layer in layers]
        return torch.stack([keys for keys, _ in both], 1), torch.stack([values for _, values in both], 1)

    def forward(
        self,
        table: Tensor,
        positions: Tensor,
        ids: Tensor,
        past_keys: Keys,
        past_values: Values,
        past_lengths: Tensor,
        memory_keys: Keys,
        memory_values: Values,
        memory_mask: Tensor,
    ) -> tuple[Tensor, Keys, Values]:
        """Logits of the words that follow each of `ids`.

        Args:
            table: the word table, `(words, width)`, which is the output matrix too.
            positions: the position table, `(rows, width)`.
            ids: int64 `(batch, length)`; each word sees those up to itself.
            past_keys, past_values: of the words before, `(batch, layers, past, width)`; what stands past a length has
                no influence.
            past_lengths: int64 `(batch,)`, 0 to `past`: how many words stand before, and so the position of the first
                of `ids`.
            memory_keys, memory_values: as `memory` gives them.
            memory_mask: int64 `(batch, memory)`, 1 for a place that is told of; at least one is.

        Returns:
            Logits `(batch, length, words)`, and keys and values of `ids`, `(batch, layers, length, width)`.
        """
        places = past_lengths[:, None] + torch.arange(ids.shape[1], device=ids.device)
        states = nn.functional.embedding(ids, table) + nn.functional.embedding(places, positions)
        states = self.dropout(self.norm(states))
        keys, values = [], []
        for index, layer in enumerate(self.layers):
            past = past_keys[:, index], past_values[:, index], past_lengths
            memory = memory_keys[:, index], memory_values[:, index], memory_mask
            states, key, value = layer(states, past, memory, self.attend)
            keys.append(key)
            values.append(value)
        told = self.transform(states)
        # In rows, so that a graph multiplies by the table as it stands and has it once.
        logits = nn.functional.linear(told.flatten(0, 1), table, self.bias).reshape(*ids.shape, -1)
        return logits, torch.stack(keys, 1), torch.stack(values, 1)


class DecoderMemoryStage(nn.Module):
    """Fused states to keys and values, see `Decoder.memory`."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, states: Tensor) -> tuple[Keys, Values]:
        return self.decoder.memory(states)


class DecoderStage(nn.Module):
    """Words that were begun to the words that may follow, see `Decoder.forward`; the tables are the text encoder's."""

    def __init__(self, decoder: Decoder, text_encoder: TextEncoder) -> None:
        super().__init__()
        self.decoder, self.text_encoder = decoder, text_encoder

    def forward(
        self,
        ids: Tensor,
        past_keys: Keys,
        past_values: Values,
        past_lengths: Tensor,
        memory_keys: Keys,
        memory_values: Values,
        memory_mask: Tensor,
    ) -> tuple[Tensor, Keys, Values]:
        table, positions = self.text_encoder.tokens.weight, self.text_encoder.positions.weight
        logits, keys, values = self.decoder(
            table, positions, ids, past_keys, past_values, past_lengths, memory_keys, memory_values, memory_mask
        )
        return logits, keys, values
