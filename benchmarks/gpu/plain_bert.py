"""BERT's encoder as a careful user of torch writes it: the rival of the packed encoder, on the same tensors.

One projection for query, key and value, torch's fused attention, biases inside the matrix products. Padded batches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from videobert_kernels.ops.packed_encoder import EncoderWeights, LayerWeights


class PlainLayer(nn.Module):
    """One layer; shares the tensors of `weights`."""

    def __init__(self, weights: LayerWeights, heads: int, eps: float) -> None:
        super().__init__()
        self.heads, self.eps = heads, eps
        self.qkv = _linear(weights.qkv, weights.qkv_bias)
        self.output = _linear(weights.output, weights.output_bias)
        self.attention_norm = _norm(weights.attention_norm, weights.attention_norm_bias, eps)
        self.inner = _linear(weights.inner, weights.inner_bias)
        self.outer = _linear(weights.outer, weights.outer_bias)
        self.outer_norm = _norm(weights.outer_norm, weights.outer_norm_bias, eps)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(states).chunk(3, -1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        states = self.attention_norm(states + self.output(mixed.transpose(1, 2).flatten(2)))
        out: Tensor = self.outer_norm(states + self.outer(functional.gelu(self.inner(states))))
        return out


class PlainBert(nn.Module):
    """Ids and segments `(batch, length)` to states `(batch, length, width)`; a mask is bool `(batch, length)`."""

    def __init__(self, weights: EncoderWeights) -> None:
        super().__init__()
        self.tokens = nn.Embedding.from_pretrained(weights.tokens)
        self.positions = nn.Embedding.from_pretrained(weights.positions)
        self.segments = nn.Embedding.from_pretrained(weights.segments)
        self.norm = _norm(weights.norm, weights.norm_bias, weights.eps)
        self.layers = nn.ModuleList(PlainLayer(layer, weights.heads, weights.eps) for layer in weights.layers)

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor | None = None) -> Tensor:
        states = self.tokens(ids) + self.positions.weight[: ids.shape[1]] + self.segments(segments)
        states = self.norm(states)
        keep = None if mask is None else mask[:, None, None]
        for layer in self.layers:
            states = layer(states, keep)
        out: Tensor = states
        return out


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    linear.weight, linear.bias = (nn.Parameter(part, requires_grad=False) for part in (weight, bias))
    return linear


def _norm(weight: Tensor, bias: Tensor, eps: float) -> nn.LayerNorm:
    norm = nn.LayerNorm(len(weight), eps=eps, device="meta")
    norm.weight, norm.bias = (nn.Parameter(part, requires_grad=False) for part in (weight, bias))
    return norm


def random_weights(
    *, layers: int, width: int, heads: int, inner: int, vocabulary: int, positions: int, device: str, dtype: torch.dtype
) -> EncoderWeights:
    """Weights of BERT's scale at its start, the same on every call."""
    random = torch.Generator(device).manual_seed(0)

    def matrix(*shape: int) -> Tensor:
        return (0.02 * torch.randn(shape, generator=random, device=device)).to(dtype)

    def ones() -> Tensor:
        return torch.ones(width, device=device, dtype=dtype)

    def layer() -> LayerWeights:
        return LayerWeights(
            qkv=matrix(3 * width, width),
            qkv_bias=matrix(3 * width),
            output=matrix(width, width),
            output_bias=matrix(width),
            attention_norm=ones(),
            attention_norm_bias=matrix(width),
            inner=matrix(inner, width),
            inner_bias=matrix(inner),
            outer=matrix(width, inner),
            outer_bias=matrix(width),
            outer_norm=ones(),
            outer_norm_bias=matrix(width),
        )

    return EncoderWeights(
        heads=heads,
        eps=1e-12,
        tokens=matrix(vocabulary, width),
        positions=matrix(positions, width),
        segments=matrix(2, width),
        norm=ones(),
        norm_bias=matrix(width),
        layers=tuple(layer() for _ in range(layers)),
    )
