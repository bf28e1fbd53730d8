"""Bias and exact GELU in plain torch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def bias_gelu_reference(states: Tensor, bias: Tensor) -> Tensor:
    """See `bias_gelu`."""
    return functional.gelu(states.float() + bias.float()).to(states.dtype)
