"""What decides exactly: the last launch of the flat search, among what the coarse scores leave, and a tree's descent.

Why the result is exact is derived in `pack.py`; which tiles, in `configs.py`; in which order and with which buffers, in
`plan.py`.
"""

from __future__ import annotations

import triton
import triton.language as tl

_INFINITY = tl.constexpr(float("inf"))
# More than any index of a tile, a node or a centroid.
_NONE = tl.constexpr(1 << 30)


@triton.jit
def _squared_distances(
    points, centroids, row, index, wanted, dim, WIDE: tl.constexpr, ROWS: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):  # fmt: skip
    """(ROWS, PAIRS) squared distances of points `row` (ROWS,) to centroids `index` (ROWS, PAIRS), fp64 if WIDE.

    Differences, not products: no cancellation beyond that of the inputs. Infinite where not `wanted`.
    """
    pair_row = tl.reshape(tl.broadcast_to(row[:, None], (ROWS, PAIRS)), (ROWS * PAIRS,))
    pair_index = tl.reshape(index, (ROWS * PAIRS,)).to(tl.int64)
    pair_wanted = tl.reshape(wanted, (ROWS * PAIRS,))
    column = tl.arange(0, BLOCK_D)
    total = tl.zeros((ROWS * PAIRS, BLOCK_D), tl.float64 if WIDE else tl.float32)
    for start in range(0, dim, BLOCK_D):
        d = start + column
        inside = pair_wanted[:, None] & (d < dim)[None, :]
        point = tl.load(points + pair_row[:, None] * dim + d[None, :], mask=inside, other=0.0).to(tl.float32)
        centroid = tl.load(centroids + pair_index[:, None] * dim + d[None, :], mask=inside, other=0.0)
        difference = point.to(tl.float64) - centroid.to(tl.float64) if WIDE else point - centroid
        total += difference * difference
    distance = tl.reshape(tl.sum(total, axis=1), (ROWS, PAIRS))
    return tl.where(wanted, distance, _INFINITY)


@triton.jit
def _free(values, ROWS: tl.constexpr):
    """The same (ROWS,) values, in no particular layout.

    What comes out of `_squared_distances` lies in a layout that suits a few pairs; carried through a loop, the compiler
    would lay out all tiles of a row that way too, every one in every thread. A scalar has no layout.
    """
    if ROWS == 1:
        values = tl.full((1,), tl.max(values, axis=0), values.dtype)
    return values


@triton.jit
def _merge(best, index, runner_up, distance, candidate, ROWS: tl.constexpr):
    """Take more distances (ROWS, PAIRS) of centroids `candidate`, all above earlier ones, into the running best two."""
    nearest = _free(tl.min(distance, axis=1), ROWS)
    # Of equal distances the lowest index; infinite ones (unwanted, or beyond fp32) stand behind wanted ones.
    at = _free(tl.min(tl.where(distance == nearest[:, None], candidate, _NONE), axis=1), ROWS)
    others = _free(tl.min(tl.where(candidate == at[:, None], _INFINITY, distance), axis=1), ROWS)
    better = nearest < best
    runner_up = tl.where(better, tl.minimum(best, others), tl.minimum(runner_up, nearest))
    return tl.where(better, nearest, best), tl.where(better, at, index), runner_up


@triton.jit
def _undecided(best, runner_up, dim):
    """Whether fp32 distances leave it open which of the best two is nearer, or left the range of fp32.

    Each is within (dim + 8) * 2 ** -24 of the true one, relatively: a difference, a square and dim - 1 sums of values
    >= 0, in any order. Below 1e-30 underflow may have taken a share.
    """
    relative = (dim + 8).to(tl.float32) * 6.2e-8
    apart = runner_up * (1.0 - relative) > best * (1.0 + relative)
    return (~apart) | (best < 1e-30) | (best >= _INFINITY)


@triton.jit
def _scan(
    points, centroids, first, row, todo, whole, tiles, count, dim, WIDE: tl.constexpr, ROWS: tl.constexpr,
    PAIRS: tl.constexpr, TILES: tl.constexpr, TILE_SIZE: tl.constexpr, GROUP: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Best two of each row's candidates: in the tiles `todo` (ROWS, TILES) the best group, or all of a `whole` tile.

    Every row walks its own candidates in ascending order: [at, end) is what it still has of its present tile.
    """
    tile_of = tl.arange(0, TILES)[None, :]
    best = tl.full((ROWS,), _INFINITY, tl.float64 if WIDE else tl.float32)
    runner_up = best
    index = tl.zeros((ROWS,), tl.int32)
    at = tl.zeros((ROWS,), tl.int32)
    end = tl.zeros((ROWS,), tl.int32)
    pending = tl.max(tl.max(todo, axis=1), axis=0)
    while pending > 0:
        tile = tl.min(tl.where(todo > 0, tile_of, _NONE), axis=1)  # (ROWS,)
        taken = (at >= end) & (tile < _NONE)
        here = (tile_of == tile[:, None]) & taken[:, None]
        is_whole = tl.max(tl.where(here, whole, 0), axis=1) > 0
        bits = tl.load(first + row * tiles + tile, mask=taken, other=0.0).to(tl.int32, bitcast=True)
        group = bits & (TILE_SIZE // GROUP - 1)
        start = tl.where(taken, tile, 0) * TILE_SIZE + tl.where(is_whole, 0, group * GROUP)
        at = tl.where(taken, start, at)
        end = tl.where(taken, tl.minimum(start + tl.where(is_whole, TILE_SIZE, GROUP), count), end)
        todo = tl.where(here, 0, todo)
        candidate = at[:, None] + tl.arange(0, PAIRS)[None, :]
        distance = _squared_distances(
            points, centroids, row, candidate, candidate < end[:, None], dim, WIDE, ROWS, PAIRS, BLOCK_D
        )
        best, index, runner_up = _merge(best, index, runner_up, distance, candidate, ROWS)
        at += PAIRS
        pending = tl.maximum(tl.max(tl.max(todo, axis=1), axis=0), tl.max((at < end).to(tl.int32), axis=0))
    return best, index, runner_up


@triton.jit(do_not_specialize=["rows", "tiles", "count", "dim", "bound_start", "bound_stride"])
def rescore(
    points,  # (rows, dim)
    centroids,  # (count, dim) fp32
    bounds,  # (3, bound_stride) fp32: per tile of each size; those of this tile size begin at bound_start
    stats,  # (3, rows) fp32
    first,  # (rows, tiles) fp32
    second,  # (rows, tiles) fp32
    labels,  # (rows,) int32, written
    distances,  # (rows,) fp32, written
    margins,  # (rows,) fp32, written if MARGIN
    rows,
    tiles,
    count,
    dim,
    bound_start,
    bound_stride,
    ROWS: tl.constexpr,
    PAIRS: tl.constexpr,
    TILES: tl.constexpr,
    TILE_SIZE: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_D: tl.constexpr,
    MARGIN: tl.constexpr,
):
    """Decide among every centroid that the coarse scores leave possible: in fp32, and in fp64 what fp32 leaves open."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)  # (ROWS,)
    in_rows = row < rows
    wide_rows = rows.to(tl.int64)
    length = tl.load(stats + wide_rows + row, mask=in_rows, other=0.0)
    lost = tl.load(stats + 2 * wide_rows + row, mask=in_rows, other=0.0)
    is_point = in_rows & (length == length)  # NaN marks what is no point
    tile = tl.arange(0, TILES)  # (TILES,)
    in_tiles = tile < tiles
    p_bound = bounds + bound_start + tile
    error = (
        tl.load(p_bound, mask=in_tiles, other=0.0)[None, :]
        + length[:, None] * tl.load(p_bound + bound_stride, mask=in_tiles, other=0.0)[None, :]
        + lost[:, None] * tl.load(p_bound + 2 * bound_stride, mask=in_tiles, other=0.0)[None, :]
    )
    inside = is_point[:, None] & in_tiles[None, :]
    place = row[:, None] * tiles + tile[None, :]
    low = tl.load(first + place, mask=inside, other=_INFINITY)
    others = tl.load(second + place, mask=inside, other=_INFINITY)
    limit = tl.min(tl.where(inside, low + error, _INFINITY), axis=1)
    if MARGIN:
        # Wanted is the second nearest too: the limit is the second lowest of all upper bounds, `others` included.
        at = tl.min(tl.where(inside & (low + error <= limit[:, None]), tile[None, :], _NONE), axis=1)
        rest = tl.where(inside & (tile[None, :] != at[:, None]), low + error, _INFINITY)
        limit = tl.minimum(tl.min(rest, axis=1), tl.min(tl.where(inside, others + error, _INFINITY), axis=1))
    # A tile with no centroid in it has scores of 2 ** 127 less rounding; no true score comes near.
    todo = (inside & (low - error <= limit[:, None])).to(tl.int32)
    whole = (inside & (others - error <= limit[:, None])).to(tl.int32)
    if MARGIN:
        open_rows = is_point
        index = tl.zeros((ROWS,), tl.int32)
        distance = tl.full((ROWS,), _INFINITY, tl.float32)
    else:
        best, index, runner_up = _scan(
            points, centroids, first, row, todo, whole, tiles, count, dim, False, ROWS, PAIRS, TILES, TILE_SIZE, GROUP,
            BLOCK_D,
        )  # fmt: skip
        distance = tl.sqrt_rn(best)
        open_rows = is_point & _undecided(best, runner_up, dim)
    if tl.max(open_rows.to(tl.int32), axis=0) > 0:
        remaining = tl.where(open_rows[:, None], todo, 0)
        exact, exact_index, exact_second = _scan(
            points, centroids, first, row, remaining, whole, tiles, count, dim, True, ROWS, PAIRS, TILES, TILE_SIZE,
            GROUP, BLOCK_D,
        )  # fmt: skip
        index = tl.where(open_rows, exact_index, index)
        distance = tl.where(open_rows, _single(tl.sqrt(exact)), distance)
        if MARGIN:
            # Two infinities have no difference: there is no second centroid.
            gap = tl.where(exact_second < _INFINITY, tl.sqrt(exact_second) - tl.sqrt(exact), _INFINITY)
            gap = tl.where(exact_second < _INFINITY, _single(gap), _INFINITY)
            tl.store(margins + row, tl.where(is_point, gap, float("nan")), mask=in_rows)
    elif MARGIN:
        tl.store(margins + row, tl.full((ROWS,), float("nan"), tl.float32), mask=in_rows)
    tl.store(labels + row, tl.where(is_point, index, -1), mask=in_rows)
    tl.store(distances + row, tl.where(is_point, distance, float("nan")), mask=in_rows)


@triton.jit
def _single(wide):
    """fp64 to fp32; what lies beyond its range becomes the largest fp32."""
    return tl.minimum(wide, 3.4028234663852886e38).to(tl.float32)


@triton.jit
def _nearest_child(
    points, nodes, row, at, end, dim, WIDE: tl.constexpr, ROWS: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Best two of the nodes [at, end) of each row."""
    best = tl.full((ROWS,), _INFINITY, tl.float64 if WIDE else tl.float32)
    runner_up = best
    index = at
    while tl.max((at < end).to(tl.int32), axis=0) > 0:
        candidate = at[:, None] + tl.arange(0, PAIRS)[None, :]
        distance = _squared_distances(
            points, nodes, row, candidate, candidate < end[:, None], dim, WIDE, ROWS, PAIRS, BLOCK_D
        )
        best, index, runner_up = _merge(best, index, runner_up, distance, candidate, ROWS)
        at += PAIRS
    return best, index, runner_up


@triton.jit(do_not_specialize=["rows", "dim", "depth", "leaves_start"])
def descend(
    points,  # (rows, dim)
    nodes,  # (all nodes, level by level, then leaves; dim) fp32
    children,  # (1 + inner nodes, 2) int32: first and end child of the root, then of each inner node, as rows of nodes
    labels,  # (rows,) int32, written
    distances,  # (rows,) fp32, written
    margins,  # (rows,) fp32, written if MARGIN
    rows,
    dim,
    depth,  # times that a child is chosen: inner levels + 1
    leaves_start,  # row of the first leaf
    ROWS: tl.constexpr,
    PAIRS: tl.constexpr,
    BLOCK_D: tl.constexpr,
    MARGIN: tl.constexpr,
):
    """From the root to a leaf by the nearest child: in fp32, and in fp64 what fp32 leaves open."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)  # (ROWS,)
    in_rows = row < rows
    column = tl.arange(0, BLOCK_D)
    broken = tl.zeros((ROWS, BLOCK_D), tl.int32)
    for start in range(0, dim, BLOCK_D):
        d = start + column
        inside = in_rows[:, None] & (d < dim)[None, :]
        value = tl.load(points + row[:, None] * dim + d[None, :], mask=inside, other=0.0).to(tl.float32)
        broken = tl.where(tl.abs(value) < _INFINITY, broken, 1)
    is_point = in_rows & (tl.max(broken, axis=1) == 0)
    node = tl.full((ROWS,), -1, tl.int32)
    distance = tl.zeros((ROWS,), tl.float32)
    for level in range(depth):
        at = tl.load(children + 2 * (node + 1), mask=is_point, other=0)
        end = tl.load(children + 2 * (node + 1) + 1, mask=is_point, other=0)
        best, index, runner_up = _nearest_child(points, nodes, row, at, end, dim, False, ROWS, PAIRS, BLOCK_D)
        distance = tl.sqrt_rn(best)
        is_open = is_point & _undecided(best, runner_up, dim)
        if MARGIN:
            is_open = is_open | (is_point & (level == depth - 1))
        if tl.max(is_open.to(tl.int32), axis=0) > 0:
            exact, exact_index, exact_second = _nearest_child(
                points, nodes, row, at, tl.where(is_open, end, at), dim, True, ROWS, PAIRS, BLOCK_D
            )
            index = tl.where(is_open, exact_index, index)
            distance = tl.where(is_open, _single(tl.sqrt(exact)), distance)
            if MARGIN:
                gap = tl.where(exact_second < _INFINITY, tl.sqrt(exact_second) - tl.sqrt(exact), _INFINITY)
                gap = tl.where(exact_second < _INFINITY, _single(gap), _INFINITY)
                tl.store(margins + row, gap, mask=is_point & (level == depth - 1))
        node = tl.where(is_point, index, node)
    tl.store(labels + row, tl.where(is_point, node - leaves_start, -1), mask=in_rows)
    tl.store(distances + row, tl.where(is_point, distance, float("nan")), mask=in_rows)
    if MARGIN:
        tl.store(margins + row, tl.full((ROWS,), float("nan"), tl.float32), mask=in_rows & (~is_point))
