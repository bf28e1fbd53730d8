"""`masked_top_k`: validation, registration and launches."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.checks import check_contiguous, check_device, check_floats, check_indices, check_shape
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.ops.masked_top_k.configs import (
    CANDIDATES,
    LARGEST_K,
    MERGE_STAGES,
    MERGE_WARPS,
    tile_for,
)
from videobert_kernels.ops.masked_top_k.reference import masked_top_k_reference
from videobert_kernels.variant import FP_FUSION

# Tiles of ids are the second axis of the grid, which ends there.
_MOST_IDS = 64 * 65_535


class TopK(NamedTuple):
    """What `masked_top_k` gives; the probability of an answer is `exp(value - log_sum_exp)`.

    values: fp32 `(n, k)`, logits, best first.
    ids: int32 `(n, k)`, rows of the whole table; -1 at a place that names no state.
    log_sum_exp: fp32 `(n,)`, over all ids of the slice.
    """

    values: Tensor
    ids: Tensor
    log_sum_exp: Tensor


def masked_top_k(
    states: Tensor,
    rows: Tensor,
    table: Tensor,
    bias: Tensor,
    *,
    k: int,
    first: int = 0,
    end: int | None = None,
    backend: Backend = "auto",
) -> TopK:
    """The k best of a slice of the vocabulary at masked positions; the logits are never written.

    `logits = states[rows] @ table[first:end].T + bias[first:end]`, in fp32 whatever the dtype. Equal logits rank by
    the lower id. A bias of -inf takes an id out of the running. The slices of words and visual tokens of one joint
    table need no copies.

    Args:
        states: `(tokens, width)`, contiguous.
        rows: int32 `(n,)`, which states are masked positions. A row outside `states` reads nothing and gets id -1,
            value and log-sum-exp -inf: so a request can be smaller than the buffer that holds it.
        table: `(vocabulary, width)`, contiguous.
        bias: `(vocabulary,)`.
        k: how many, 1 to 32 and at most `end - first`.
        first, end: the slice; all of the table by default.
        backend: see `dispatch.choose`.

    Returns:
        `TopK`.

    Raises:
        KernelError: shapes, dtypes or devices do not fit together, a tensor is not contiguous, or k or the slice is
            out of range.

    Cost: two launches (more when `k * (end - first) / 64` passes 4,096); reads the slice once for each 16 (many: 64,
    fp32: 32) positions; `2 n width (end - first)` operations. Up to 16 positions it is bound by reading the slice.
    """
    check_shape("states", states, None, None)
    check_shape("table", table, None, states.shape[1])
    check_shape("bias", bias, len(table))
    check_floats(states, table=table, bias=bias)
    check_indices(rows=rows)
    check_device(states, rows=rows)
    check_contiguous(states=states, table=table, bias=bias)
    end = len(table) if end is None else end
    if not 0 <= first < end <= len(table) or end - first > _MOST_IDS:
        raise KernelError("the slice is out of range", seen=f"{first} to {end}", allowed=f"within 0 to {len(table)}")
    if not 1 <= k <= min(LARGEST_K, end - first):
        raise KernelError("k is out of range", seen=k, allowed=f"1 to {min(LARGEST_K, end - first)}")
    return TopK(*_masked_top_k(states, rows, table, bias, k, first, end, choose(backend, states)))


@torch.library.custom_op("videobert_kernels::masked_top_k", mutates_args=())
def _masked_top_k(
    states: Tensor, rows: Tensor, table: Tensor, bias: Tensor, k: int, first: int, end: int, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    if backend == "reference":
        return masked_top_k_reference(states, rows, table, bias, k, first, end)
    from videobert_kernels.ops.masked_top_k.triton_kernel import tile_top_k_kernel

    count, width = len(rows), states.shape[1]
    if count == 0:
        values, ids = (_buffer(states, dtype, 0, k) for dtype in (torch.float32, torch.int32))
        return values, ids, _buffer(states, torch.float32, 0)
    tile = tile_for(count, states.dtype)
    tiles = -(-(end - first) // tile.ids)
    keys, sums = _buffer(states, torch.int64, count, tiles, k), _buffer(states, torch.float32, count, tiles)
    with on_device_of(states):
        tile_top_k_kernel[(-(-count // tile.rows), tiles)](
            states,
            rows,
            table,
            bias,
            keys,
            sums,
            len(states),
            count,
            width,
            first,
            end,
            k,
            tiles,
            ROWS=tile.rows,
            IDS=tile.ids,
            DEPTH=tile.depth,
            num_warps=tile.warps,
            num_stages=tile.stages,
            enable_fp_fusion=FP_FUSION,
        )
        return _merge(keys, sums)


def _merge(keys: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Merge the candidates of tiles, group by group, until one group is left."""
    from videobert_kernels.ops.masked_top_k.triton_kernel import merge_top_k_kernel

    count, tiles, k = keys.shape
    per_group = CANDIDATES // k
    values, ids = _buffer(keys, torch.float32, count, k), _buffer(keys, torch.int32, count, k)
    while True:
        groups = -(-tiles // per_group)
        last = groups == 1
        merged_keys = keys if last else _buffer(keys, torch.int64, count, groups, k)
        merged_sums = _buffer(keys, torch.float32, count, groups)
        merge_top_k_kernel[(count, groups)](
            keys,
            sums,
            merged_keys,
            values,
            ids,
            merged_sums,
            tiles,
            k,
            per_group,
            CANDIDATES=CANDIDATES,
            LAST=last,
            num_warps=MERGE_WARPS,
            num_stages=MERGE_STAGES,
            enable_fp_fusion=FP_FUSION,
        )
        if last:
            return values, ids, merged_sums.view(count)
        keys, sums, tiles = merged_keys, merged_sums, groups


def _buffer(like: Tensor, dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device)


@_masked_top_k.register_fake
def _(
    states: Tensor, rows: Tensor, table: Tensor, bias: Tensor, k: int, first: int, end: int, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    n = rows.shape[0]
    return (
        states.new_empty((n, k), dtype=torch.float32),
        states.new_empty((n, k), dtype=torch.int32),
        states.new_empty((n,), dtype=torch.float32),
    )
