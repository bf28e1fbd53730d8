"""Layers that encoders are made of: BERT's, LayerNorm after each residual sum (arXiv 1810.04805)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videobert.model.config import EncoderConfig

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
INIT_STD = 0.02  # of BERT's normal start


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


def attend_where(query: Tensor, key: Tensor, value: Tensor, keep: Tensor) -> Tensor:
    """Softmax attention of each query over the keys that `keep` tells.

    Args:
        query, key, value: `(batch, heads, length, head_size)`.
        keep: bool `(batch, length, length)`, queries by keys; one row may stand for all queries. Every query of a
            meaning has a key.

    Returns:
        `(batch, heads, length, head_size)`; rows of queries without a key hold values of no meaning.
    """
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=keep[:, None])


class SelfAttention(nn.Module):
    """Multi-head self-attention with one projection for query, key and value, stacked in that order.

    `attend` may be replaced on an instance by another implementation of the same function.
    """

    def __init__(self, width: int, heads: int, attend: Attend = attend) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.attend = attend

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(states).chunk(3, -1)
        )
        mixed = self.attend(query, key, value, seen).transpose(1, 2).flatten(2)
        out: Tensor = self.output(mixed)
        return out


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network with exact GELU, each followed by residual sum and LayerNorm.

    Args:
        config: sizes.
        dropout: on each residual branch, in training only.
        attend: `attend` or `attend_where`, which says what the second argument of `forward` is.
    """

    def __init__(self, config: EncoderConfig, dropout: float, attend: Attend = attend) -> None:
        super().__init__()
        self.attention = SelfAttention(config.width, config.heads, attend)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.inner = nn.Linear(config.width, config.feed_forward)
        self.outer = nn.Linear(config.feed_forward, config.width)
        self.outer_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        states = self.attention_norm(states + self.dropout(self.attention(states, seen)))
        wide = nn.functional.gelu(self.inner(states))
        out: Tensor = self.outer_norm(states + self.dropout(self.outer(wide)))
        return out


def initialise(module: nn.Module) -> None:
    """BERT's start: normal weights of deviation 0.02, zero biases, unit LayerNorm."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=INIT_STD)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
