"""An encoder and a decoder that both look back only: `torch.nn.Transformer` as a model of the next token.

The sequence is the input of both. Each place of the decoder attends to the decoder's places up to its own, and to the
encoder's up to its own, so that the state of a place depends on nothing behind it (arXiv 1706.03762, with LayerNorm
after each residual sum).
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.transformer import initialise


class Attention(nn.Module):
    """Multi-head attention of each place to the places up to its own; keys and values are stacked in that order."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(self, states: Tensor, memory: Tensor) -> Tensor:
        """`(batch, length, width)` of both: queries of `states`, keys and values of `memory`."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(states), *self.key_value(memory).chunk(2, -1))
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        out: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return out


class Layer(nn.Module):
    """Attention, in a decoder a second one to the encoder's states, and a feed-forward network with exact GELU."""

    def __init__(self, config: EncoderConfig, *, decodes: bool) -> None:
        super().__init__()
        width, eps = config.width, config.layer_norm_eps
        self.attention = Attention(width, config.heads)
        self.attention_norm = nn.LayerNorm(width, eps=eps)
        self.memory_attention = Attention(width, config.heads) if decodes else None
        self.memory_norm = nn.LayerNorm(width, eps=eps) if decodes else None
        self.inner = nn.Linear(width, config.feed_forward)
        self.outer = nn.Linear(config.feed_forward, width)
        self.outer_norm = nn.LayerNorm(width, eps=eps)

    def forward(self, states: Tensor, memory: Tensor | None = None) -> Tensor:
        states = self.attention_norm(states + self.attention(states, states))
        if memory is not None and self.memory_attention is not None and self.memory_norm is not None:
            states = self.memory_norm(states + self.memory_attention(states, memory))
        out: Tensor = self.outer_norm(states + self.outer(nn.functional.gelu(self.inner(states))))
        return out


class PastEncoder(nn.Module):
    """Tokens to states that know what came before.

    Args:
        config: sizes; `layers` each of the encoder and the decoder.
        tokens: rows of the table of tokens.
    """

    def __init__(self, config: EncoderConfig, tokens: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(tokens, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.encoder = nn.ModuleList(Layer(config, decodes=False) for _ in range(config.layers))
        self.encoder_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.decoder = nn.ModuleList(Layer(config, decodes=True) for _ in range(config.layers))
        self.decoder_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.scale = math.sqrt(config.width)
        self.apply(initialise)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """Final states.

        Args:
            ids: int64 `(batch, length)`; what pads a sequence at its end has no influence on what stands before.
            segments: int64 `(batch, length)`; 0 for text, 1 for video.

        Returns:
            `(batch, length, width)`.

        Raises:
            InputError: the sequence is longer than the table of positions.
        """
        length = ids.shape[1]
        if length > self.positions.num_embeddings:
            raise InputError(
                "the sequence is too long",
                seen=f"{length} positions",
                allowed=f"at most {self.positions.num_embeddings}",
                fix="Pass less text or fewer visual tokens.",
            )
        given: Tensor = self.tokens(ids) * self.scale + self.positions.weight[:length] + self.segments(segments)
        memory = given
        for layer in self.encoder:
            memory = layer(memory)
        memory = self.encoder_norm(memory)
        states = given
        for layer in self.decoder:
            states = layer(states, memory)
        out: Tensor = self.decoder_norm(states)
        return out
