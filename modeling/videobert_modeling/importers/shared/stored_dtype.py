"""In what type the weights of an import are stored: none of them changes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from videobert_modeling.base.half import fits_float16


def exact_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """float16 where it holds every value of the matrices exactly, else float32; smaller tensors stay float32 anyhow."""
    exact = all(fits_float16(tensor) for tensor in tensors if tensor.dim() > 1)
    return torch.float16 if exact else torch.float32
