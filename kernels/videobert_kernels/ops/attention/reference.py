"""Packed attention in plain torch, one segment after the other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def attention_reference(
    query: Tensor, key: Tensor, value: Tensor, query_offsets: Tensor, key_ranges: Tensor, causal: bool, scale: float
) -> Tensor:
    """What `attention` computes, for checked arguments. It reads the offsets on the host, so on a GPU it waits."""
    output = torch.zeros_like(query, memory_format=torch.contiguous_format)
    offsets = query_offsets.clamp(0, len(query)).tolist()
    ranges = key_ranges.clamp(0, len(key)).tolist()
    for begin, end, (first, last) in zip(offsets[:-1], offsets[1:], ranges, strict=True):
        if causal:  # The first queries of a segment with fewer keys than queries see none.
            begin += max(0, (end - begin) - (last - first))
        if begin >= end or first >= last:
            continue
        queries, keys, values = (t.transpose(0, 1) for t in (query[begin:end], key[first:last], value[first:last]))
        mask = None
        if causal:
            seen = torch.ones(end - begin, last - first, dtype=torch.bool, device=query.device)
            mask = seen.tril((last - first) - (end - begin))
        answer = functional.scaled_dot_product_attention(
            queries[None], keys[None], values[None], attn_mask=mask, scale=scale
        )
        output[begin:end] = answer[0].transpose(0, 1)
    return output
