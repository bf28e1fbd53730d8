"""Bias, residual sum and LayerNorm in plain torch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def bias_residual_layer_norm_reference(
    states: Tensor, bias: Tensor, residual: Tensor, weight: Tensor, offset: Tensor, eps: float
) -> Tensor:
    """See `bias_residual_layer_norm`."""
    total = states.float() + bias.float() + residual.float()
    return functional.layer_norm(total, (states.shape[1],), weight.float(), offset.float(), eps).to(states.dtype)
