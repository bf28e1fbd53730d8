"""Whether sixteen bits are enough."""

from __future__ import annotations

import torch
from torch import Tensor


def fits_float16(tensor: Tensor) -> bool:
    """Whether float16 holds every value exactly."""
    return torch.equal(tensor.to(torch.float16).to(tensor.dtype), tensor)
