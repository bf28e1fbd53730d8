"""The tensors of a packed encoder, cast once."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

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
class EncoderWeights:
    """Everything that `encode` reads.

    Args:
        heads: of the attention.
        eps: of every LayerNorm.
        tokens, positions, segments: embedding tables `(rows, width)`.
        norm, norm_bias: LayerNorm of the embeddings.
        layers: first to last.
    """

    heads: int
    eps: float
    tokens: Tensor
    positions: Tensor
    segments: Tensor
    norm: Tensor
    norm_bias: Tensor
    layers: tuple[LayerWeights, ...]

    @property
    def width(self) -> int:
        """Of the states."""
        return self.tokens.shape[1]

    def to(self, device: torch.device | str, dtype: torch.dtype) -> EncoderWeights:
        """The same weights elsewhere, contiguous; tensors that already fit are shared, not copied."""
        return _cast(self, torch.device(device), dtype)


def _cast(part: _T, device: torch.device, dtype: torch.dtype) -> _T:
    def cast(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().to(device, dtype).contiguous()
        if isinstance(value, tuple):
            return tuple(cast(item) for item in value)
        return _cast(value, device, dtype) if isinstance(value, LayerWeights) else value

    changed = {field.name: cast(getattr(part, field.name)) for field in fields(part)}  # type: ignore[arg-type]
    return replace(part, **changed)  # type: ignore[type-var]
