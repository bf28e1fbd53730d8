"""Decoding against a cache in plain torch, one sequence after the other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def attention_decode_reference(
    query: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, scale: float
) -> Tensor:
    """What `attention_decode` computes, for checked arguments. It reads the lengths on the host."""
    output = torch.zeros_like(query, memory_format=torch.contiguous_format)
    for row, length in enumerate(lengths.clamp(0, key_cache.shape[1]).tolist()):
        if length:
            keys, values = (cache[row, :length].transpose(0, 1) for cache in (key_cache, value_cache))
            answer = functional.scaled_dot_product_attention(
                query[row][None, :, None], keys[None], values[None], scale=scale
            )
            output[row] = answer[0, :, 0]
    return output


def append_to_cache_reference(
    key: Tensor, value: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor
) -> None:
    """What `append_to_cache` does, for checked arguments, without reading the lengths on the host."""
    capacity = key_cache.shape[1]
    if capacity == 0:
        return
    rows = torch.arange(len(lengths), device=lengths.device)
    fits = ((lengths >= 0) & (lengths < capacity))[:, None, None]
    places = lengths.clamp(0, capacity - 1).long()
    for new, cache in ((key, key_cache), (value, value_cache)):
        cache[rows, places] = torch.where(fits, new, cache[rows, places])
