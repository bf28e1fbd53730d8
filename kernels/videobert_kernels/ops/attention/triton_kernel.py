"""Packed variable-length attention: one program is one tile of queries of one segment and one head.

The grid is known from shapes alone. Tiles are numbered so that segment s starts at tile
`query_offsets[s] // QUERY_TILE + s`: that never runs past the start of segment s + 1, whatever the lengths are, and
leaves at most one idle tile a segment. The rows behind the last offset (bucket padding) are one more segment, without
keys, so they come out as zeros.

The tile of keys that needs a mask goes first and starts the softmax statistics; all later tiles are full and need
none. Keys that fit one tile thus cost one pass without a loop or a rescaling, and every running maximum is finite.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Sizes change with every batch: a program specialised on them (equal to 1, divisible by 16) would compile again.
_SIZES = ["total_queries", "total_keys", "segments", "heads"]


@triton.jit
def _clip(value, limit):
    return tl.minimum(tl.maximum(value, 0), limit)


@triton.jit
def _segment_of(tile, query_offsets, segments, total_queries, QUERY_TILE: tl.constexpr, SEARCH: tl.constexpr):
    """Which segment a tile belongs to: how many begin at or before it, less one.

    Counting a whole block of offsets at once costs one memory latency, where bisection would chain several.
    """
    begun = 0
    for first in range(0, segments + 1, SEARCH):
        index = first + tl.arange(0, SEARCH)
        offset = _clip(tl.load(query_offsets + index, mask=index <= segments, other=0), total_queries)
        begins = offset // QUERY_TILE + index
        begun += tl.sum(((begins <= tile) & (index <= segments)).to(tl.int32), 0)
    return begun - 1


@triton.jit
def _weigh(scores, value, peak, total, weighted, scale_log2, GUARD: tl.constexpr):
    """One tile of the online softmax: weights relative to the running peak, earlier sums rescaled to it.

    The peak is subtracted before scaling: the largest weight is then exactly 1 however large the scores are. Scaling
    first would let the compiler contract the two into one rounding, and leave up to half a unit of the scaled peak,
    enough to overflow, in the exponent.
    """
    higher = tl.maximum(peak, tl.max(scores, 1))
    # Under a causal mask a row may not have met a key yet, and infinity minus infinity is not a number.
    finite = tl.where(higher == float("-inf"), 0.0, higher) if GUARD else higher
    kept = tl.exp2((peak - finite) * scale_log2)
    weights = tl.exp2((scores - finite[:, None]) * scale_log2)
    total = total * kept + tl.sum(weights, 1)
    weighted = tl.dot(weights.to(value.dtype), value, weighted * kept[:, None], input_precision="ieee")
    return higher, total, weighted


@triton.jit(do_not_specialize=_SIZES)
def attention_kernel(
    query,
    key,
    value,
    output,
    query_offsets,
    key_ranges,
    total_queries,
    total_keys,
    segments,
    heads,
    scale_log2,
    query_row_stride,
    query_head_stride,
    key_row_stride,
    key_head_stride,
    value_row_stride,
    value_head_stride,
    CAUSAL: tl.constexpr,
    HEAD_SIZE: tl.constexpr,
    QUERY_TILE: tl.constexpr,
    KEY_TILE: tl.constexpr,
    SEARCH: tl.constexpr,
):
    """softmax(query keyᵀ · scale) value per segment; `scale_log2` is scale · log2(e). `output` is contiguous."""
    # Heads run fastest: neighbours in time then read whole rows of memory together.
    program = tl.program_id(0)
    tile = program // heads
    head = (program % heads).to(tl.int64)
    segment = _segment_of(tile, query_offsets, segments, total_queries, QUERY_TILE, SEARCH)
    if segment < 0:
        return
    real = segment < segments
    begin = _clip(tl.load(query_offsets + segment), total_queries)
    end = _clip(tl.load(query_offsets + segment + 1, mask=real, other=total_queries), total_queries)
    first_key = _clip(tl.load(key_ranges + 2 * segment, mask=real, other=0), total_keys)
    end_key = _clip(tl.load(key_ranges + 2 * segment + 1, mask=real, other=0), total_keys)
    queries = end - begin
    keys = end_key - first_key

    nth = tile - begin // QUERY_TILE - segment
    tiles = tl.cdiv(queries, QUERY_TILE)
    if nth >= tiles:
        return
    if CAUSAL:
        nth = tiles - 1 - nth  # The tiles with most keys start first.
    first = nth * QUERY_TILE
    rows = tl.arange(0, QUERY_TILE)
    within = first + rows < queries
    channels = tl.arange(0, HEAD_SIZE)
    columns = tl.arange(0, KEY_TILE)

    first_row = (begin + first).to(tl.int64)
    output_tile = output + (first_row * heads + head) * HEAD_SIZE
    output_tile = output_tile + rows[:, None] * (heads * HEAD_SIZE) + channels[None, :]

    # Keys before `full` are seen by every query of the tile and fill whole tiles; none from `visible` on is seen.
    if CAUSAL:
        visible = keys - queries + tl.minimum(first + QUERY_TILE, queries)
        full = tl.maximum(keys - queries + first + 1, 0) // KEY_TILE * KEY_TILE
    else:
        visible = keys
        full = tl.maximum(keys - 1, 0) // KEY_TILE * KEY_TILE
    if (visible <= 0) | (keys <= 0):
        nothing = tl.zeros((QUERY_TILE, HEAD_SIZE), output.dtype.element_ty)
        tl.store(output_tile, nothing, mask=within[:, None])
        return

    query_tile = query + first_row * query_row_stride + head * query_head_stride
    query_tile = query_tile + rows[:, None] * query_row_stride + channels[None, :]
    key_tile = key + first_key.to(tl.int64) * key_row_stride + head * key_head_stride
    key_tile = key_tile + columns[:, None] * key_row_stride + channels[None, :]
    value_tile = value + first_key.to(tl.int64) * value_row_stride + head * value_head_stride
    value_tile = value_tile + columns[:, None] * value_row_stride + channels[None, :]

    asked = tl.load(query_tile, mask=within[:, None], other=0.0)
    # In fp32 both tiles sit in registers for their product: a tile outside the loop would not fit besides.
    if CAUSAL or query.dtype.element_ty == tl.float32:
        # How many keys each query sees.
        limit = keys - queries + first + rows + 1 if CAUSAL else tl.full((QUERY_TILE,), keys, tl.int32)
        peak = tl.full((QUERY_TILE,), float("-inf"), tl.float32)
        total = tl.zeros((QUERY_TILE,), tl.float32)
        weighted = tl.zeros((QUERY_TILE, HEAD_SIZE), tl.float32)
        masked_keys = key_tile + full.to(tl.int64) * key_row_stride
        masked_values = value_tile + full.to(tl.int64) * value_row_stride
        for at in range(full, visible, KEY_TILE):
            there = (at + columns < visible)[:, None]
            keys_here = tl.load(masked_keys, mask=there, other=0.0)
            values_here = tl.load(masked_values, mask=there, other=0.0)
            scores = tl.dot(asked, tl.trans(keys_here), input_precision="ieee")
            scores = tl.where((at + columns)[None, :] < limit[:, None], scores, float("-inf"))
            peak, total, weighted = _weigh(scores, values_here, peak, total, weighted, scale_log2, GUARD=True)
            masked_keys += KEY_TILE * key_row_stride
            masked_values += KEY_TILE * value_row_stride
    else:
        step = full.to(tl.int64)
        there = full + columns < keys
        keys_here = tl.load(key_tile + step * key_row_stride, mask=there[:, None], other=0.0)
        # Rows that are masked must be zeros, not whatever lies there: a weight of 0 does not silence a NaN.
        values_here = tl.load(value_tile + step * value_row_stride, mask=there[:, None], other=0.0)
        scores = tl.dot(asked, tl.trans(keys_here), input_precision="ieee")
        scores = tl.where(there[None, :], scores, float("-inf"))
        peak = tl.max(scores, 1)
        weights = tl.exp2((scores - peak[:, None]) * scale_log2)
        total = tl.sum(weights, 1)
        weighted = tl.dot(weights.to(values_here.dtype), values_here, input_precision="ieee")

    for _ in range(0, full, KEY_TILE):
        keys_here = tl.load(key_tile)
        values_here = tl.load(value_tile)
        scores = tl.dot(asked, tl.trans(keys_here), input_precision="ieee")
        peak, total, weighted = _weigh(scores, values_here, peak, total, weighted, scale_log2, GUARD=False)
        key_tile += KEY_TILE * key_row_stride
        value_tile += KEY_TILE * value_row_stride

    if CAUSAL:
        total = tl.where(total > 0.0, total, 1.0)  # Queries that see no key: their sums are zeros.
    weighted = weighted * (1.0 / total)[:, None]
    tl.store(output_tile, weighted.to(output.dtype.element_ty), mask=within[:, None])
