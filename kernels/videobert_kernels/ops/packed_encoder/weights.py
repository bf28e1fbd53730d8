"""The tensors of a packed encoder, cast once."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """One layer; matrices are `(out, in)` as in `torch.nn.Linear`, query, key and value stacked in that order."""

    qkv: Tensor
    qkv_bias: Tensor
    output: Tensor
    output_bias: Tensor
    attention_norm: Tensor
    attention_norm_bias: Tensor
    inner: Tensor
    inner_bias: Tensor
    outer: Tensor
    outer_bias: Tensor
    outer_norm: Tensor
    outer_norm_bias: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class StackWeights:
    """Everything that `encode_states` reads.

    Args:
        heads: of the attention.
        eps: of every LayerNorm.
        layers: first to last, at least one.
        scale: factor on the attention's scores; None is one over the square root of the head size.
    """

    heads: int
    eps: float
    layers: tuple[LayerWeights, ...]
    scale: float | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> StackWeights:
        """See `EncoderWeights.to`."""
        return _cast(self, torch.device(device), dtype)

    def with_heads_of(self, size: int) -> StackWeights:
        """The same function with heads of another size, at least their own: what is added to each is zero.

        For heads that have no kernel. Zeros add nothing to a score and make nothing of a value, and the scale of the
        scores stays; the cost is that of the larger heads.
        """
        own = self.layers[0].qkv.shape[0] // (3 * self.heads)
        if size == own:
            return self
        layers = tuple(_widened(layer, self.heads, size - own) for layer in self.layers)
        return replace(self, layers=layers, scale=own**-0.5 if self.scale is None else self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderWeights:
    """Everything that `encode` reads.

    Args:
        heads, eps, layers, scale: see `StackWeights`.
        tokens, positions, segments: embedding tables `(rows, width)`.
        norm, norm_bias: LayerNorm of the embeddings.
    """

    heads: int
    eps: float
    tokens: Tensor
    positions: Tensor
    segments: Tensor
    norm: Tensor
    norm_bias: Tensor
    layers: tuple[LayerWeights, ...]
    scale: float | None = None

    @property
    def width(self) -> int:
        """Of the states."""
        return self.tokens.shape[1]

    @property
    def stack(self) -> StackWeights:
        """What comes after the embeddings; the tensors are shared."""
        return StackWeights(heads=self.heads, eps=self.eps, layers=self.layers, scale=self.scale)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> EncoderWeights:
        """The same weights elsewhere, contiguous; tensors that already fit are shared, not copied."""
        return _cast(self, torch.device(device), dtype)


def _widened(layer: LayerWeights, heads: int, more: int) -> LayerWeights:
    """A layer whose heads have `more` values of zero behind their own."""
    stacked = layer.qkv.view(3, heads, -1, layer.qkv.shape[1])
    output = layer.output.view(len(layer.output), heads, -1)
    return replace(
        layer,
        qkv=functional.pad(stacked, (0, 0, 0, more)).flatten(0, 2),
        qkv_bias=functional.pad(layer.qkv_bias.view(3, heads, -1), (0, more)).flatten(),
        output=functional.pad(output, (0, more)).flatten(1),
    )


def _cast(part: _T, device: torch.device, dtype: torch.dtype) -> _T:
    def cast(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().to(device, dtype).contiguous()
        if isinstance(value, tuple):
            return tuple(cast(item) for item in value)
        return _cast(value, device, dtype) if is_dataclass(value) else value

    changed = {field.name: cast(getattr(part, field.name)) for field in fields(part)}  # type: ignore[arg-type]
    return replace(part, **changed)  # type: ignore[type-var]
