"""Our kernels behind the parameter order that TensorRT's plugins ask for: inputs, then integers, then outputs.

Everything else is folded in at compile time: scales, since a plugin has no float parameters, and strides, since
TensorRT's tensors are contiguous. The kernels themselves are those of the operators, inlined.
"""

from __future__ import annotations

import triton
import triton.language as tl

from videobert_kernels.ops.attention.triton_kernel import attention_kernel
from videobert_kernels.ops.nearest_centroid import coarse_kernel as coarse_nearest
from videobert_kernels.ops.nearest_centroid import triton_kernel as exact_nearest


@triton.jit(do_not_specialize=["rows", "dim"])
def nearest_prepare(
    points,
    center,
    rows,
    dim,
    padded_dim,
    coarse,
    stats,
    EXPONENT: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """`prepare_points` for a codebook whose scale is known."""
    coarse_nearest.prepare_points(points, center, coarse, stats, rows, dim, padded_dim, EXPONENT, ROWS, BLOCK_D)


@triton.jit(do_not_specialize=["rows", "tiles"])
def nearest_search_many(
    coarse,
    codebook,
    norms,
    stats,
    rows,
    tiles,
    padded_dim,
    first,
    second,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CENTROIDS: tl.constexpr,
    BLOCK_D: tl.constexpr,
    GROUP: tl.constexpr,
    ORDER: tl.constexpr,
):
    """`search_many`."""
    row_tiles = tl.cdiv(rows, BLOCK_ROWS)
    coarse_nearest.search_many(
        coarse, codebook, norms, stats, first, second, rows, row_tiles, tiles, padded_dim, BLOCK_ROWS, BLOCK_CENTROIDS,
        BLOCK_D, GROUP, ORDER,
    )  # fmt: skip


@triton.jit(do_not_specialize=["rows", "tiles"])
def nearest_search_few(
    coarse,
    codebook,
    norms,
    stats,
    rows,
    tiles,
    padded_dim,
    first,
    second,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CENTROIDS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """`search_few`."""
    coarse_nearest.search_few(
        coarse, codebook, norms, stats, first, second, rows, tiles, padded_dim, BLOCK_ROWS, BLOCK_CENTROIDS, BLOCK_D
    )


@triton.jit(do_not_specialize=["rows", "tiles", "count", "dim", "bound_start", "bound_stride"])
def nearest_rescore(
    points,
    centroids,
    bounds,
    stats,
    first,
    second,
    rows,
    tiles,
    count,
    dim,
    bound_start,
    bound_stride,
    labels,
    distances,
    ROWS: tl.constexpr,
    PAIRS: tl.constexpr,
    TILES: tl.constexpr,
    TILE_SIZE: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """`rescore` without margins: their place is given to another output, and nothing is written to it as margins."""
    exact_nearest.rescore(
        points, centroids, bounds, stats, first, second, labels, distances, distances, rows, tiles, count, dim,
        bound_start, bound_stride, ROWS, PAIRS, TILES, TILE_SIZE, GROUP, BLOCK_D, False,
    )  # fmt: skip


@triton.jit(do_not_specialize=["total_queries", "total_keys", "segments", "heads"])
def packed_attention(
    query,
    key,
    value,
    query_offsets,
    key_ranges,
    total_queries,
    total_keys,
    segments,
    heads,
    output,
    SCALE_LOG2: tl.constexpr,
    CAUSAL: tl.constexpr,
    HEAD_SIZE: tl.constexpr,
    QUERY_TILE: tl.constexpr,
    KEY_TILE: tl.constexpr,
    SEARCH: tl.constexpr,
):
    """`attention_kernel` on contiguous tensors."""
    row = heads * HEAD_SIZE
    attention_kernel(
        query, key, value, output, query_offsets, key_ranges, total_queries, total_keys, segments, heads, SCALE_LOG2,
        row, HEAD_SIZE, row, HEAD_SIZE, row, HEAD_SIZE, CAUSAL, HEAD_SIZE, QUERY_TILE, KEY_TILE, SEARCH,
    )  # fmt: skip
