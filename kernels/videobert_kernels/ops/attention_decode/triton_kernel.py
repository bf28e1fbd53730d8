"""One query a sequence against a key/value cache: partial softmaxes over splits of the keys, then their combination.

A single query has no use for tensor cores: the work is reading the cache once. Splitting the keys over programs keeps
all memory channels busy even for one sequence. Splits that begin behind a sequence's length do nothing, and the
combination, which reads the same lengths, does not look at what they left.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _clip(value, limit):
    return tl.minimum(tl.maximum(value, 0), limit)


@triton.jit(do_not_specialize=["capacity", "heads", "splits", "keys_per_split"])
def decode_split_kernel(
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
    keys_per_split,
    scale_log2,
    query_batch_stride,
    query_head_stride,
    key_batch_stride,
    key_row_stride,
    key_head_stride,
    value_batch_stride,
    value_row_stride,
    value_head_stride,
    HEAD_SIZE: tl.constexpr,
    KEY_TILE: tl.constexpr,
):
    """Sums relative to the peak, peak and total of one split, fp32; `partial` is (batch, heads, splits, HEAD_SIZE)."""
    program = tl.program_id(0)  # Heads run fastest: neighbours read whole rows of the cache.
    head = (program % heads).to(tl.int64)
    split = program // heads % splits
    batch = (program // heads // splits).to(tl.int64)
    end = tl.minimum(_clip(tl.load(lengths + batch), capacity), (split + 1) * keys_per_split)
    begin = split * keys_per_split
    if begin >= end:
        return
    rows = tl.arange(0, KEY_TILE)
    channels = tl.arange(0, HEAD_SIZE)
    asked = tl.load(query + batch * query_batch_stride + head * query_head_stride + channels).to(tl.float32)
    key_tile = key_cache + batch * key_batch_stride + begin.to(tl.int64) * key_row_stride + head * key_head_stride
    key_tile = key_tile + rows[:, None] * key_row_stride + channels[None, :]
    value_tile = value_cache + batch * value_batch_stride + head * value_head_stride
    value_tile = value_tile + begin.to(tl.int64) * value_row_stride
    value_tile = value_tile + rows[:, None] * value_row_stride + channels[None, :]

    peak = float("-inf")
    total = 0.0
    weighted = tl.zeros((HEAD_SIZE,), tl.float32)
    for at in range(begin, end, KEY_TILE):
        there = at + rows < end
        keys_here = tl.load(key_tile, mask=there[:, None], other=0.0).to(tl.float32)
        values_here = tl.load(value_tile, mask=there[:, None], other=0.0).to(tl.float32)
        scores = tl.where(there, tl.sum(keys_here * asked[None, :], 1), float("-inf"))
        higher = tl.maximum(peak, tl.max(scores, 0))
        kept = tl.exp2((peak - higher) * scale_log2)
        weights = tl.exp2((scores - higher) * scale_log2)
        total = total * kept + tl.sum(weights, 0)
        weighted = weighted * kept + tl.sum(weights[:, None] * values_here, 0)
        peak = higher
        key_tile += KEY_TILE * key_row_stride
        value_tile += KEY_TILE * value_row_stride

    at = (batch * heads + head) * splits + split
    tl.store(partial + at * HEAD_SIZE + channels, weighted)
    tl.store(peaks + at, peak)
    tl.store(totals + at, total)


@triton.jit(do_not_specialize=["capacity", "heads", "splits", "keys_per_split"])
def decode_combine_kernel(
    partial,
    peaks,
    totals,
    lengths,
    output,
    capacity,
    heads,
    splits,
    keys_per_split,
    scale_log2,
    HEAD_SIZE: tl.constexpr,
    SPLIT_TILE: tl.constexpr,
):
    """The answer of one sequence and head from the parts of its splits; zeros where there are no keys."""
    program = tl.program_id(0).to(tl.int64)
    live = tl.cdiv(_clip(tl.load(lengths + program // heads), capacity), keys_per_split)
    index = tl.arange(0, SPLIT_TILE)
    channels = tl.arange(0, HEAD_SIZE)
    highest = tl.full((SPLIT_TILE,), float("-inf"), tl.float32)
    for first in range(0, live, SPLIT_TILE):
        here = first + index < live
        highest = tl.maximum(highest, tl.load(peaks + program * splits + first + index, mask=here, other=float("-inf")))
    peak = tl.max(highest, 0)
    total = tl.zeros((SPLIT_TILE,), tl.float32)
    weighted = tl.zeros((SPLIT_TILE, HEAD_SIZE), tl.float32)
    for first in range(0, live, SPLIT_TILE):
        here = first + index < live
        at = program * splits + first + index
        kept = tl.exp2((tl.load(peaks + at, mask=here, other=float("-inf")) - peak) * scale_log2)
        total += kept * tl.load(totals + at, mask=here, other=0.0)
        part = tl.load(partial + at[:, None] * HEAD_SIZE + channels[None, :], mask=here[:, None], other=0.0)
        weighted += kept[:, None] * part
    every = tl.sum(total, 0)
    answer = tl.sum(weighted, 0) / tl.where(every > 0.0, every, 1.0)
    tl.store(output + program * HEAD_SIZE + channels, answer.to(output.dtype.element_ty))


@triton.jit(do_not_specialize=["capacity", "heads"])
def append_kernel(
    key,
    value,
    key_cache,
    value_cache,
    lengths,
    capacity,
    heads,
    key_batch_stride,
    key_head_stride,
    value_batch_stride,
    value_head_stride,
    key_cache_batch_stride,
    key_cache_row_stride,
    key_cache_head_stride,
    value_cache_batch_stride,
    value_cache_row_stride,
    value_cache_head_stride,
    HEAD_SIZE: tl.constexpr,
):
    """Copy the new key and value of one sequence and head to the row behind its last, if the cache has it."""
    program = tl.program_id(0)
    head = (program % heads).to(tl.int64)
    batch = (program // heads).to(tl.int64)
    row = tl.load(lengths + batch).to(tl.int64)
    fits = (row >= 0) & (row < capacity)
    row = tl.where(fits, row, 0)
    channels = tl.arange(0, HEAD_SIZE)
    new_key = tl.load(key + batch * key_batch_stride + head * key_head_stride + channels)
    new_value = tl.load(value + batch * value_batch_stride + head * value_head_stride + channels)
    key_at = batch * key_cache_batch_stride + row * key_cache_row_stride + head * key_cache_head_stride
    value_at = batch * value_cache_batch_stride + row * value_cache_row_stride + head * value_cache_head_stride
    tl.store(key_cache + key_at + channels, new_key, mask=fits)
    tl.store(value_cache + value_at + channels, new_value, mask=fits)
