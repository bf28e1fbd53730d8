"""The best of the vocabulary in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_top_k_reference(
    states: Tensor, rows: Tensor, table: Tensor, bias: Tensor, k: int, first: int, end: int
) -> tuple[Tensor, Tensor, Tensor]:
    """See `masked_top_k`."""
    inside = (rows >= 0) & (rows < len(states))
    if len(states) == 0 or len(rows) == 0:
        picked = states.new_zeros((len(rows), states.shape[1]))
    else:
        picked = states[torch.where(inside, rows, 0)]
    # The logits are fp32 in every dtype, as in the kernel: rounding them to bf16 would make ties of near neighbours.
    logits = picked.float() @ table[first:end].float().T + bias[first:end].float()
    values, ids = logits.sort(dim=1, descending=True, stable=True)
    missing = ~inside[:, None]
    return (
        values[:, :k].masked_fill(missing, -torch.inf).contiguous(),
        (ids[:, :k] + first).masked_fill(missing, -1).int().contiguous(),
        logits.logsumexp(dim=1).masked_fill(missing[:, 0], -torch.inf),
    )
