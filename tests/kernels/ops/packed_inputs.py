"""Packed batches, and what they should give by two plain computations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def offsets_of(lengths: Sequence[int], device: str) -> Tensor:
    """int32 `(segments + 1,)`."""
    return torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0).int().to(device)


def own_rows(offsets: Tensor) -> Tensor:
    """Key ranges of self-attention."""
    return torch.stack([offsets[:-1], offsets[1:]], 1).contiguous()


def random_rows(rows: int, heads: int, head_size: int, dtype: torch.dtype, device: str, scale: float = 1.0) -> Tensor:
    return (torch.randn(rows, heads, head_size) * scale).to(dtype).to(device)


def plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offsets: Tensor,
    ranges: Tensor,
    dtype: torch.dtype,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Scores, softmax and sum of every segment, each rounded to `dtype`: what plain torch makes of them."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    output = torch.zeros(query.shape, dtype=dtype, device=query.device)
    bounds = offsets.tolist()
    for segment, (first, end) in enumerate(ranges.tolist()):
        queries = query[bounds[segment] : bounds[segment + 1]].to(dtype)
        keys, values = key[first:end].to(dtype), value[first:end].to(dtype)
        if not len(queries) or not len(keys):
            continue
        scores = torch.einsum("qhd,khd->hqk", queries, keys) * scale
        if causal:
            seen = torch.ones(len(queries), len(keys), dtype=torch.bool, device=query.device)
            scores = scores.masked_fill(~seen.tril(len(keys) - len(queries)), float("-inf"))
        weights = scores.softmax(-1).nan_to_num(0.0)  # A row that sees nothing is a row of NaN.
        output[bounds[segment] : bounds[segment + 1]] = torch.einsum("hqk,khd->qhd", weights, values)
    return output
