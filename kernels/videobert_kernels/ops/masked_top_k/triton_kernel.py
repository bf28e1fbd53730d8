"""Vocabulary logits with their top k, in two steps: tiles of the vocabulary, then a merge of what they found.

A candidate is one int64 key: the logit's bits, mapped so that integers order as the floats do, above the id counted
down from 2^31 - 1. The greatest key is the best candidate and, among equal logits, the one with the lowest id; keys
are distinct, so "the next one" is the greatest key below the last: no candidate has to be crossed out.
"""

from __future__ import annotations

import triton
import triton.language as tl

NO_KEY = tl.constexpr(-(1 << 63))
LAST_ID = tl.constexpr(0x7FFFFFFF)


@triton.jit
def keys_of(logits, ids):
    """int64 keys of fp32 logits. -0.0 is made 0.0, to which it is equal; NaN stands above everything."""
    bits = tl.where(logits == 0.0, 0.0, logits).to(tl.int32, bitcast=True)
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (ordered.to(tl.int64) << 32) + (-ids + LAST_ID).to(tl.int64)


@triton.jit
def log_sum_exp(values, axis: tl.constexpr):
    """Over one axis; -inf where all values are, which a difference of infinities would make NaN."""
    top = tl.max(values, axis=axis)
    nothing = top == float("-inf")
    total = tl.sum(tl.exp(values - tl.expand_dims(tl.where(nothing, 0.0, top), axis)), axis=axis)
    return top + tl.log(tl.where(nothing, 1.0, total))


@triton.jit(do_not_specialize=["state_rows", "count", "first", "end", "k", "tiles"])
def tile_top_k_kernel(
    states,
    rows,
    table,
    bias,
    keys,
    sums,
    state_rows,
    count,
    width,
    first,
    end,
    k,
    tiles,
    ROWS: tl.constexpr,
    IDS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """The k best of one tile of ids, and its log-sum-exp, for ROWS masked positions.

    Blocks of positions are the fast axis of the grid, so that those sharing a tile of the table run together and read
    it from the cache.
    """
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    tile = tl.program_id(1)
    ids = first + tile * IDS + tl.arange(0, IDS)
    row = tl.load(rows + place, mask=place < count, other=-1)
    wanted = (row >= 0) & (row < state_rows)
    row_start = row.to(tl.int64)[:, None] * width
    id_start = ids.to(tl.int64)[None, :] * width
    logits = tl.zeros((ROWS, IDS), dtype=tl.float32)
    for start in range(0, width, DEPTH):
        depth = start + tl.arange(0, DEPTH)
        inside = depth < width
        left = tl.load(states + row_start + depth[None, :], mask=wanted[:, None] & inside[None, :], other=0.0)
        right = tl.load(table + id_start + depth[:, None], mask=(ids < end)[None, :] & inside[:, None], other=0.0)
        logits = tl.dot(left, right, logits, input_precision="ieee")
    logits += tl.load(bias + ids, mask=ids < end, other=0.0).to(tl.float32)[None, :]
    exists = wanted[:, None] & (ids < end)[None, :]
    sum_ = log_sum_exp(tl.where(exists, logits, float("-inf")), 1)
    out = place.to(tl.int64) * tiles + tile
    tl.store(sums + out, sum_, mask=place < count)
    candidates = tl.where(exists, keys_of(logits, ids[None, :]), NO_KEY)
    best = tl.max(candidates, axis=1)
    for rank in range(k):
        tl.store(keys + out * k + rank, best, mask=place < count)
        best = tl.max(tl.where(candidates < best[:, None], candidates, NO_KEY), axis=1)


@triton.jit(do_not_specialize=["tiles", "k", "tiles_per_group"])
def merge_top_k_kernel(
    keys,
    sums,
    merged_keys,
    values,
    ids,
    merged_sums,
    tiles,
    k,
    tiles_per_group,
    CANDIDATES: tl.constexpr,
    LAST: tl.constexpr,
):
    """The k best among the candidates of a group of tiles, for one masked position; the last merge unpacks them."""
    place = tl.program_id(0).to(tl.int64)
    group = tl.program_id(1)
    first_tile = group * tiles_per_group
    in_group = tl.minimum(tiles - first_tile, tiles_per_group)
    lane = tl.arange(0, CANDIDATES)
    start = place * tiles + first_tile
    candidates = tl.load(keys + start * k + lane, mask=lane < in_group * k, other=NO_KEY)
    sum_ = log_sum_exp(tl.load(sums + start + lane, mask=lane < in_group, other=float("-inf")), 0)
    out = place * tl.num_programs(1) + group
    tl.store(merged_sums + out, sum_)
    best = tl.max(candidates, axis=0)
    for rank in range(k):
        if LAST:
            ordered = (best >> 32).to(tl.int32)
            value = (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)
            tl.store(values + out * k + rank, tl.where(best == NO_KEY, float("-inf"), value))
            tl.store(ids + out * k + rank, tl.where(best == NO_KEY, -1, -(best & LAST_ID).to(tl.int32) + LAST_ID))
        else:
            tl.store(merged_keys + out * k + rank, best)
        best = tl.max(tl.where(candidates < best, candidates, NO_KEY), axis=0)
