"""The joint encoder over words and visual tokens: BERT's, LayerNorm after each residual sum (arXiv 1810.04805)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
_INIT_STD = 0.02


def attend(query: Tensor, key: Tensor, value: Tensor, lengths: Tensor) -> Tensor:
    """Softmax attention over the first `lengths[i]` keys of each sequence.

    Args:
        query, key, value: `(batch, heads, length, head_size)`.
        lengths: int64 `(batch,)`, each at least 1.

    Returns:
        `(batch, heads, length, head_size)`; rows past a sequence's length hold values of no meaning.
    """
    positions = torch.arange(key.shape[2], device=key.device)
    keep = positions[None] < lengths[:, None]  # (batch, length)
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=keep[:, None, None])


class SelfAttention(nn.Module):
    """Multi-head self-attention with one projection for query, key and value, stacked in that order.

    `attend` may be replaced on an instance by another implementation of the function above.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.attend: Attend = attend

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(states).chunk(3, -1)
        )
        mixed = self.attend(query, key, value, lengths).transpose(1, 2).flatten(2)
        out: Tensor = self.output(mixed)
        return out


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network with exact GELU, each followed by residual sum and LayerNorm."""

    def __init__(self, config: EncoderConfig, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(config.width, config.heads)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.inner = nn.Linear(config.width, config.feed_forward)
        self.outer = nn.Linear(config.feed_forward, config.width)
        self.outer_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        states = self.attention_norm(states + self.dropout(self.attention(states, lengths)))
        wide = nn.functional.gelu(self.inner(states))
        out: Tensor = self.outer_norm(states + self.dropout(self.outer(wide)))
        return out


class JointEncoder(nn.Module):
    """Embeddings and layers.

    Args:
        config: sizes.
        vocabulary: rows of the token table: words, visual tokens and the joiner.
        dropout: on the embeddings and on each residual branch, in training only.
    """

    def __init__(self, config: EncoderConfig, vocabulary: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(EncoderLayer(config, dropout) for _ in range(config.layers))
        self.dropout = nn.Dropout(dropout)
        self.apply(initialise)

    def forward(self, ids: Tensor, segments: Tensor, lengths: Tensor) -> Tensor:
        """Final states.

        Args:
            ids: int64 `(batch, length)`, below `vocabulary`; what stands past a sequence's length has no influence.
            segments: int64 `(batch, length)`.
            lengths: int64 `(batch,)`, 1 to `length`.

        Returns:
            `(batch, length, width)`; rows past a sequence's length hold values of no meaning.

        Raises:
            InputError: the sequence is longer than the table of positions.
        """
        length = ids.shape[1]
        if length > self.positions.num_embeddings:
            raise InputError(
                "the joint sequence is too long",
                seen=f"{length} positions",
                allowed=f"at most {self.positions.num_embeddings}",
                fix="Pass less text or fewer clips.",
            )
        states: Tensor = self.tokens(ids) + self.positions.weight[:length] + self.segments(segments)
        states = self.dropout(self.norm(states))
        for layer in self.layers:
            states = layer(states, lengths)
        return states


def initialise(module: nn.Module) -> None:
    """BERT's start: normal weights of deviation 0.02, zero biases, unit LayerNorm."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=_INIT_STD)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
