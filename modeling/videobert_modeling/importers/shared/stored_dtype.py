"""In what type the weights of an import are stored: none of them changes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def exact_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """float16 where it holds every value of the matrices exactly, else float32; smaller tensors stay float32 anyhow."""
    matrices = (tensor for tensor in tensors if tensor.dim() > 1)
    return torch.float16 if all(torch.equal(each.half().float(), each) for each in matrices) else torch.float32
