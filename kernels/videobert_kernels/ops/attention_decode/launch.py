"""Decoding with a key/value cache: checks, registration with torch, and the launches."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from videobert_kernels.ops.attention.checks import check_axes, check_heads, check_scale
from videobert_kernels.ops.attention_decode.configs import DecodeConfig, choose_config
from videobert_kernels.ops.attention_decode.reference import append_to_cache_reference, attention_decode_reference
from videobert_kernels.ops.checks import check_device, check_indices, check_shape
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.variant import FP_FUSION

_LOG2_E: Final = math.log2(math.e)


def attention_decode(
    query: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    lengths: Tensor,
    *,
    scale: float | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """One new query a sequence against the keys and values stored so far.

    The lengths stay on the device and the grid depends on shapes alone, so a CUDA graph of the call serves every step.
    Their values are not checked: outside `[0, capacity]` they count as the nearest bound.

    Args:
        query: `(batch, heads, head_size)`; float16, bfloat16 or float32; head size 32, 64 or 128. Any strides with a
            contiguous last axis, here and below.
        key_cache: `(batch, capacity, heads, head_size)`, same dtype, same device.
        value_cache: as `key_cache`.
        lengths: int32 `(batch,)`: how many rows of the caches each sequence has, the new one included.
        scale: factor on the scores; default `head_size ** -0.5`.
        backend: see `videobert_kernels.ops.dispatch.choose`. The reference reads the lengths on the host.

    Returns:
        `(batch, heads, head_size)` of the same dtype, contiguous; zeros where the length is 0.

    Raises:
        KernelError: shapes, dtypes, devices or strides do not fit; the message names the tensor.

    Accuracy: products, sums and softmax in float32 whatever the dtype. A sequence is answered bit for bit alike alone
    and among others, for one capacity.

    Cost: bound by reading the caches' used rows once, 2 · lengths · heads · head_size elements; 4 floating-point
    operations for each of the keys' elements. Two launches; the partial sums in between take 4 bytes for each of
    `batch * heads * ceil(capacity / split) * (head_size + 2)`, where a split is 64 keys (256 above 1,024 of capacity).
    """
    answer: Tensor = _attention_decode(query, key_cache, value_cache, lengths, scale, backend)
    return answer


def append_to_cache(
    key: Tensor,
    value: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    lengths: Tensor,
    *,
    backend: Backend = "auto",
) -> None:
    """Store the key and value of each sequence's next position, in place, at row `lengths[b]` of its caches.

    `lengths` is not changed, since all layers of a decoder share it: add 1 once a step, after the step's appends and
    before its `attention_decode`. A sequence whose row does not exist (a full cache, a negative length) stays as it is.

    Args:
        key: `(batch, heads, head_size)`; float16, bfloat16 or float32; head size 32, 64 or 128.
        value: as `key`.
        key_cache: `(batch, capacity, heads, head_size)`, changed in place; must not overlap `key`.
        value_cache: as `key_cache`, for `value`.
        lengths: int32 `(batch,)`: rows stored so far.
        backend: see `videobert_kernels.ops.dispatch.choose`.

    Raises:
        KernelError: shapes, dtypes, devices or strides do not fit; the message names the tensor.

    Cost: reads and writes 2 · batch · heads · head_size elements; one launch.
    """
    _append_to_cache(key, value, key_cache, value_cache, lengths, backend)


def _check_decode(query: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, scale: float | None) -> None:
    check_axes(3, query=query)
    check_axes(4, key_cache=key_cache, value_cache=value_cache)
    check_heads(query=query, key_cache=key_cache, value_cache=value_cache)
    check_shape("key_cache", key_cache, query.shape[0], None, None, None)
    check_shape("value_cache", value_cache, *key_cache.shape)
    _check_lengths(query, lengths)
    check_scale(scale)


def _check_append(key: Tensor, value: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor) -> None:
    check_axes(3, key=key, value=value)
    check_axes(4, key_cache=key_cache, value_cache=value_cache)
    check_heads(key=key, value=value, key_cache=key_cache, value_cache=value_cache)
    check_shape("value", value, *key.shape)
    check_shape("key_cache", key_cache, key.shape[0], None, None, None)
    check_shape("value_cache", value_cache, *key_cache.shape)
    _check_lengths(key, lengths)


def _check_lengths(leader: Tensor, lengths: Tensor) -> None:
    check_shape("lengths", lengths, leader.shape[0])
    check_indices(lengths=lengths)
    check_device(leader, lengths=lengths)


@torch.library.custom_op("videobert_kernels::attention_decode", mutates_args=())
def _attention_decode(
    query: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, scale: float | None, backend: str
) -> Tensor:
    _check_decode(query, key_cache, value_cache, lengths, scale)
    scale = query.shape[2] ** -0.5 if scale is None else scale
    if choose(backend, query) == "reference":  # type: ignore[arg-type]
        return attention_decode_reference(query, key_cache, value_cache, lengths, scale)
    config = choose_config(query.shape[2], query.dtype, key_cache.shape[1])
    return launch_decode(query, key_cache, value_cache, lengths, scale, config)


@_attention_decode.register_fake
def _(
    query: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, scale: float | None, backend: str
) -> Tensor:
    _check_decode(query, key_cache, value_cache, lengths, scale)
    return query.new_empty(query.shape)


@torch.library.custom_op("videobert_kernels::append_to_cache", mutates_args=("key_cache", "value_cache"))
def _append_to_cache(
    key: Tensor, value: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, backend: str
) -> None:
    _check_append(key, value, key_cache, value_cache, lengths)
    if choose(backend, key) == "reference":  # type: ignore[arg-type]
        append_to_cache_reference(key, value, key_cache, value_cache, lengths)
    else:
        launch_append(key, value, key_cache, value_cache, lengths)


@_append_to_cache.register_fake
def _(key: Tensor, value: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, backend: str) -> None:
    _check_append(key, value, key_cache, value_cache, lengths)


def launch_decode(
    query: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor, scale: float, config: DecodeConfig
) -> Tensor:
    """Run the kernels with a given config on checked arguments; tests call it, `attention_decode` chooses."""
    from videobert_kernels.ops.attention_decode.triton_kernel import decode_combine_kernel, decode_split_kernel

    batch, heads, head_size = query.shape
    capacity = key_cache.shape[1]
    splits = -(-capacity // config.keys_per_split)
    output = torch.empty(query.shape, dtype=query.dtype, device=query.device)
    if output.numel() == 0:
        return output
    partial = torch.empty((batch, heads, splits, head_size), dtype=torch.float32, device=query.device)
    peaks = torch.empty((batch, heads, splits), dtype=torch.float32, device=query.device)
    totals = torch.empty((batch, heads, splits), dtype=torch.float32, device=query.device)
    with on_device_of(lengths):
        if splits:
            decode_split_kernel[(batch * splits * heads,)](
                query,
                key_cache,
                value_cache,
                lengths,
                partial,
                peaks,
                totals,
                capacity,
                heads,
                splits,
                config.keys_per_split,
                scale * _LOG2_E,
                *query.stride()[:2],
                *key_cache.stride()[:3],
                *value_cache.stride()[:3],
                HEAD_SIZE=head_size,
                KEY_TILE=config.key_tile,
                num_warps=config.warps,
                num_stages=2,
                enable_fp_fusion=FP_FUSION,
            )
        decode_combine_kernel[(batch * heads,)](
            partial,
            peaks,
            totals,
            lengths,
            output,
            capacity,
            heads,
            splits,
            config.keys_per_split,
            scale * _LOG2_E,
            HEAD_SIZE=head_size,
            SPLIT_TILE=config.split_tile,
            num_warps=config.warps,
            num_stages=2,
            enable_fp_fusion=FP_FUSION,
        )
    return output


def launch_append(key: Tensor, value: Tensor, key_cache: Tensor, value_cache: Tensor, lengths: Tensor) -> None:
    """Run the kernel on checked arguments."""
    from videobert_kernels.ops.attention_decode.triton_kernel import append_kernel

    batch, heads, head_size = key.shape
    if key.numel() == 0 or key_cache.shape[1] == 0:
        return
    with on_device_of(key):
        append_kernel[(batch * heads,)](
            key,
            value,
            key_cache,
            value_cache,
            lengths,
            key_cache.shape[1],
            heads,
            *key.stride()[:2],
            *value.stride()[:2],
            *key_cache.stride()[:3],
            *value_cache.stride()[:3],
            HEAD_SIZE=head_size,
            num_warps=1,
            num_stages=2,
            enable_fp_fusion=FP_FUSION,
        )
