"""Packed attention: checks, registration with torch, and the launch."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.attention.checks import capability_of, check_axes, check_heads, check_scale
from videobert_kernels.ops.attention.configs import SEARCH, AttentionConfig, choose_config
from videobert_kernels.ops.attention.reference import attention_reference
from videobert_kernels.ops.checks import check_contiguous, check_device, check_indices, check_shape
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.variant import FP_FUSION

_LOG2_E: Final = math.log2(math.e)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_offsets: Tensor,
    key_ranges: Tensor,
    *,
    longest_query: int,
    causal: bool = False,
    scale: float | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """Attention over packed sequences of different lengths, without padding.

    Each segment of queries attends to one range of rows of `key` and `value`. Which range, makes the kind of attention:
    a sequence's own rows is self-attention; its text rows or its visual rows alone are the text-only and visual-only
    masks; the rows of the other stream are cross- and co-attention, with other lengths than the queries have.

    The offsets stay on the device: nothing waits for it, and the grid depends on shapes alone, so a CUDA graph of the
    call serves every batch that fits its shapes. For the same reason their values are not checked. Values outside
    `[0, total_queries]` and `[0, total_keys]` count as the nearest bound, a range that ends before it starts is empty,
    and no value whatever makes the kernel read or write outside its tensors.

    Args:
        query: `(total_queries, heads, head_size)`; float16, bfloat16 or float32; head size 32, 64 or 128. Any strides
            with a contiguous last axis, so the three slices of a fused projection can be passed as they are.
        key: `(total_keys, heads, head_size)`, same dtype, same device.
        value: as `key`.
        query_offsets: int32 `(segments + 1,)`, starting at 0, never falling: segment s is rows `[s]` to `[s + 1] - 1`
            of `query`. Segments may be empty. Rows from the last offset on are padding: nothing is read for them.
        key_ranges: int32 `(segments, 2)`: first row and end row of the keys of each segment; empty is allowed.
        longest_query: an upper bound of the segments' lengths in rows, known on the host. It only chooses the tile
            sizes: a wrong one costs time, never correctness.
        causal: query i of a segment of q queries and k keys sees its keys up to number k - q + i, so that the last
            query sees all of them; else every query sees every key of its range.
        scale: factor on the scores; default `head_size ** -0.5`.
        backend: see `videobert_kernels.ops.dispatch.choose`. The reference reads the offsets on the host.

    Returns:
        `(total_queries, heads, head_size)` of the same dtype, contiguous. Queries that see no key, and padding rows,
        are zeros.

    Raises:
        KernelError: shapes, dtypes, devices or strides do not fit; the message names the tensor.

    Accuracy: float32 products are exact float32 (no TF32). In half precision products accumulate in float32, the
    softmax is float32, and its weights are rounded to the value's dtype before they meet the values. A sequence's rows
    are bit-identical whatever else is in the batch, as long as `longest_query` chooses the same tiles.

    Cost: 4 · pairs · heads · head_size floating-point operations, where pairs is the sum of queries times keys over
    the segments (about half with `causal`), and pairs · heads exponentials. Memory traffic: query, key, value and
    output once each, if the keys of a segment stay in the second-level cache between its tiles.

    Example:
        >>> qkv = torch.randn(5, 3, 2, 32)  # two sequences, of 3 and 2 tokens
        >>> offsets = torch.tensor([0, 3, 5], dtype=torch.int32)
        >>> own_rows = torch.stack([offsets[:-1], offsets[1:]], 1)
        >>> attention(*qkv.unbind(1), offsets, own_rows, longest_query=3).shape
        torch.Size([5, 2, 32])
    """
    answer: Tensor = _attention(query, key, value, query_offsets, key_ranges, longest_query, causal, scale, backend)
    return answer


def _check(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_offsets: Tensor,
    key_ranges: Tensor,
    longest_query: int,
    scale: float | None,
) -> None:
    check_axes(3, query=query, key=key, value=value)
    check_heads(query=query, key=key, value=value)
    check_shape("value", value, *key.shape)
    check_indices(query_offsets=query_offsets)
    if query_offsets.shape[0] == 0:
        raise KernelError("query_offsets has no entry", fix="Without segments it is [0].")
    check_shape("key_ranges", key_ranges, query_offsets.shape[0] - 1, 2)
    if key_ranges.dtype != torch.int32:
        raise KernelError("key_ranges has the wrong dtype", seen=key_ranges.dtype, allowed=torch.int32)
    check_contiguous(key_ranges=key_ranges)
    check_device(query, query_offsets=query_offsets, key_ranges=key_ranges)
    if longest_query < 0:
        raise KernelError("longest_query is out of range", seen=longest_query, allowed="0 or more")
    check_scale(scale)


@torch.library.custom_op("videobert_kernels::attention", mutates_args=())
def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_offsets: Tensor,
    key_ranges: Tensor,
    longest_query: int,
    causal: bool,
    scale: float | None,
    backend: str,
) -> Tensor:
    _check(query, key, value, query_offsets, key_ranges, longest_query, scale)
    scale = query.shape[2] ** -0.5 if scale is None else scale
    if choose(backend, query) == "reference":  # type: ignore[arg-type]
        return attention_reference(query, key, value, query_offsets, key_ranges, causal, scale)
    config = choose_config(query.shape[2], query.dtype, causal, longest_query, capability_of(query.device))
    return launch_attention(query, key, value, query_offsets, key_ranges, causal, scale, config)


@_attention.register_fake
def _(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_offsets: Tensor,
    key_ranges: Tensor,
    longest_query: int,
    causal: bool,
    scale: float | None,
    backend: str,
) -> Tensor:
    _check(query, key, value, query_offsets, key_ranges, longest_query, scale)
    return query.new_empty(query.shape)


def launch_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_offsets: Tensor,
    key_ranges: Tensor,
    causal: bool,
    scale: float,
    config: AttentionConfig,
) -> Tensor:
    """Run the kernel with a given config on checked arguments; tests and tuning call it, `attention` chooses."""
    from videobert_kernels.ops.attention.triton_kernel import attention_kernel

    rows, heads, head_size = query.shape
    segments = key_ranges.shape[0]
    output = torch.empty(query.shape, dtype=query.dtype, device=query.device)
    if output.numel() == 0:
        return output
    # One tile may be partly filled in every segment, and in the padding behind the last.
    tiles = rows // config.query_tile + segments + 1
    with on_device_of(query):
        attention_kernel[(tiles * heads,)](
            query,
            key,
            value,
            output,
            query_offsets,
            key_ranges,
            rows,
            key.shape[0],
            segments,
            heads,
            scale * _LOG2_E,
            query.stride(0),
            query.stride(1),
            key.stride(0),
            key.stride(1),
            value.stride(0),
            value.stride(1),
            CAUSAL=causal,
            HEAD_SIZE=head_size,
            QUERY_TILE=config.query_tile,
            KEY_TILE=config.key_tile,
            SEARCH=SEARCH,
            num_warps=config.warps,
            num_stages=config.stages,
            enable_fp_fusion=FP_FUSION,
        )
    return output
