"""In what type the weights of an import are stored: none of them changes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def exact_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """float16 where it holds every value exactly, else float32."""
    return torch.float16 if all(torch.equal(t.half().to(t.dtype), t) for t in tensors) else torch.float32
