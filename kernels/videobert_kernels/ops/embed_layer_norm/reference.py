"""Embedding gather and LayerNorm in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def embed_layer_norm_reference(
    ids: Tensor,
    positions: Tensor,
    segments: Tensor,
    token_table: Tensor,
    position_table: Tensor,
    segment_table: Tensor,
    weight: Tensor,
    bias: Tensor,
    eps: float,
    visual_table: Tensor | None,
) -> Tensor:
    """See `embed_layer_norm`."""
    tables = [token_table] if visual_table is None else [token_table, visual_table]
    states = torch.zeros((len(ids), token_table.shape[1]), device=token_table.device)
    first = 0
    for table in tables:
        states = states + _rows(table, ids - first)
        first += len(table)
    states = states + _rows(position_table, positions) + _rows(segment_table, segments)
    normal = functional.layer_norm(states, (states.shape[1],), weight.float(), bias.float(), eps)
    return normal.to(token_table.dtype)


def _rows(table: Tensor, indices: Tensor) -> Tensor:
    """Rows of a table in fp32, zeros where an index is outside."""
    if len(table) == 0:
        return torch.zeros((len(indices), table.shape[1]), device=table.device)
    inside = (indices >= 0) & (indices < len(table))
    return torch.where(inside[:, None], table[torch.where(inside, indices, 0)].float(), 0)
