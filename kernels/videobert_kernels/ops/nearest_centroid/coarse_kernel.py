"""The first two launches of the flat search: round the points, and score them coarsely against every centroid.

What is computed and how far it may be off is derived in `pack.py`; which tiles, in `configs.py`.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Above every score and every bound; the norm of a padding row of the codebook, so that it is never a minimum.
_FAR = tl.constexpr(2.0**127)
_INFINITY = tl.constexpr(float("inf"))


@triton.jit(do_not_specialize=["rows", "dim", "exponent"])
def prepare_points(
    points,  # (rows, dim) fp32, fp16 or bf16
    center,  # (dim,) fp32
    coarse,  # (rows, padded_dim) fp16 or bf16, written
    stats,  # (3, rows) fp32, written: factor r, r * |coarse point|, r * |its rounding error|
    rows,
    dim,
    padded_dim,
    exponent,  # of the codebook's scale
    ROWS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """Subtract the center, scale each row by a power of two, round, and measure what the rounding lost."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)  # (ROWS,)
    column = tl.arange(0, BLOCK_D)  # (BLOCK_D,)
    in_rows = row < rows
    largest = tl.zeros((ROWS, BLOCK_D), tl.float32)
    broken = tl.zeros((ROWS, BLOCK_D), tl.int32)
    for start in range(0, padded_dim, BLOCK_D):
        d = start + column
        inside = in_rows[:, None] & (d < dim)[None, :]
        value = tl.load(points + row[:, None] * dim + d[None, :], mask=inside, other=0.0).to(tl.float32)
        middle = tl.load(center + d, mask=d < dim, other=0.0)
        # Comparisons with NaN are false, so this counts NaN and both infinities.
        broken = tl.where(tl.abs(value) < _INFINITY, broken, 1)
        largest = tl.maximum(largest, tl.where(inside, tl.abs(value - middle[None, :]), 0.0))
    is_broken = tl.max(broken, axis=1) > 0
    top = tl.where(is_broken, 0.0, tl.max(largest, axis=1))
    # The largest power of two up to the row's largest value is 2 ** (field - 127).
    field = (top.to(tl.int32, bitcast=True) >> 23) & 255
    scale = tl.maximum(tl.maximum(field - 126, -100), exponent - 60)  # all of the row is below 2 ** scale
    # So far out that the scaling leaves fp32: coarse scores say nothing, every centroid is decided exactly.
    beyond = (field >= 250) | (scale - exponent > 100)
    unusable = is_broken | beyond
    scale = tl.where(unusable, exponent, scale)
    inverse = ((127 - scale) << 23).to(tl.float32, bitcast=True)
    factor = ((128 + scale - exponent) << 23).to(tl.float32, bitcast=True)
    length = tl.zeros((ROWS, BLOCK_D), tl.float32)
    lost = tl.zeros((ROWS, BLOCK_D), tl.float32)
    for start in range(0, padded_dim, BLOCK_D):
        d = start + column
        inside = in_rows[:, None] & (d < dim)[None, :] & (~unusable)[:, None]
        value = tl.load(points + row[:, None] * dim + d[None, :], mask=inside, other=0.0).to(tl.float32)
        middle = tl.load(center + d, mask=d < dim, other=0.0)
        scaled = tl.where(inside, value - middle[None, :], 0.0) * inverse[:, None]
        rounded = scaled.to(coarse.dtype.element_ty)
        kept = rounded.to(tl.float32)
        length += kept * kept
        lost += (scaled - kept) * (scaled - kept)
        here = in_rows[:, None] & (d < padded_dim)[None, :]
        tl.store(coarse + row[:, None] * padded_dim + d[None, :], rounded, mask=here)
    # 1.002: the sums' own rounding, up to 16,384 terms. 2 ** -23: that of value - center. The last: underflow.
    norm = tl.sqrt(tl.sum(length, axis=1)) * 1.002
    error = tl.sqrt(tl.sum(lost, axis=1)) * 1.002
    error += 1.2e-7 * (norm + error) + padded_dim.to(tl.float32) * 1.2e-38 * inverse
    norm = tl.where(beyond, _INFINITY, norm)
    norm = tl.where(is_broken, float("nan"), norm)
    tl.store(stats + row, factor, mask=in_rows)
    tl.store(stats + rows.to(tl.int64) + row, factor * norm, mask=in_rows)
    tl.store(stats + 2 * rows.to(tl.int64) + row, factor * error, mask=in_rows)


@triton.jit(do_not_specialize=["rows", "row_tiles", "tiles"])
def search_many(
    coarse,  # (rows, padded_dim)
    codebook,  # (padded centroids, padded_dim)
    norms,  # (padded centroids,) fp32
    stats,  # (3, rows) fp32
    first,  # (rows, tiles) fp32, written: best score of the tile, its group's number in the low bits
    second,  # (rows, tiles) fp32, written: best score of the tile's other groups
    rows,
    row_tiles,
    tiles,
    padded_dim,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CENTROIDS: tl.constexpr,
    BLOCK_D: tl.constexpr,
    GROUP: tl.constexpr,
    ORDER: tl.constexpr,
):
    """Scores of a tile of points against a tile of centroids; of the scores only two per point and tile are kept.

    Programs run through ORDER row tiles before they go to the next tile of centroids, so that what runs at one time
    shares both operands in L2. GROUP adjacent centroids lie in one thread of an accumulator tile: taking their minimum
    first, and numbering groups instead of centroids, halves the work that is not done by the tensor cores.
    """
    program = tl.program_id(0)
    in_block = ORDER * tiles
    block = program // in_block
    height = tl.minimum(row_tiles - block * ORDER, ORDER)
    row_tile = block * ORDER + (program % in_block) % height
    tile = (program % in_block) // height
    local = tl.arange(0, BLOCK_ROWS)
    row = row_tile.to(tl.int64) * BLOCK_ROWS + local  # (BLOCK_ROWS,)
    centroid = tile.to(tl.int64) * BLOCK_CENTROIDS + tl.arange(0, BLOCK_CENTROIDS)  # (BLOCK_CENTROIDS,)
    column = tl.arange(0, BLOCK_D)
    in_rows = row < rows
    # Rows past the end repeat the first one instead of reading what was never written.
    p_points = coarse + tl.where(in_rows, row, 0)[:, None] * padded_dim + column[None, :]
    p_codebook = codebook + centroid[:, None] * padded_dim + column[None, :]
    product = tl.zeros((BLOCK_ROWS, BLOCK_CENTROIDS), tl.float32)
    for _ in range(0, padded_dim, BLOCK_D):
        product = tl.dot(tl.load(p_points), tl.load(p_codebook).T, product)
        p_points += BLOCK_D
        p_codebook += BLOCK_D
    factor = tl.load(stats + row, mask=in_rows, other=0.0)
    score = tl.load(norms + centroid)[None, :] - factor[:, None] * product
    GROUPS: tl.constexpr = BLOCK_CENTROIDS // GROUP
    if GROUP > 1:
        score = tl.min(tl.reshape(score, (BLOCK_ROWS, GROUPS, GROUP)), axis=2)
    number = tl.arange(0, GROUPS)[None, :]
    packed = ((score.to(tl.int32, bitcast=True) & -GROUPS) | number).to(tl.float32, bitcast=True)
    best = tl.min(packed, axis=1)
    # Numbers differ within the tile, so exactly one group is left out.
    other = tl.min(tl.where(packed == best[:, None], _FAR, packed), axis=1)
    place = row * tiles + tile
    tl.store(first + place, best, mask=in_rows)
    tl.store(second + place, other, mask=in_rows)


@triton.jit(do_not_specialize=["rows", "tiles"])
def search_few(
    coarse,  # (rows, padded_dim)
    codebook,  # (padded centroids, padded_dim)
    norms,  # (padded centroids,) fp32
    stats,  # (3, rows) fp32
    first,  # (rows, tiles) fp32, written
    second,  # (rows, tiles) fp32, written
    rows,
    tiles,
    padded_dim,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CENTROIDS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """The same for at most BLOCK_ROWS points: centroids take the long side of the product.

    One small tile of centroids a program, several programs a multiprocessor, several loads of each in flight: the
    codebook streams past once, at the speed of device memory.
    """
    tile = tl.program_id(0)
    row = tl.arange(0, BLOCK_ROWS)  # (BLOCK_ROWS,)
    local = tl.arange(0, BLOCK_CENTROIDS)
    centroid = tile.to(tl.int64) * BLOCK_CENTROIDS + local  # (BLOCK_CENTROIDS,)
    column = tl.arange(0, BLOCK_D)
    in_rows = row < rows
    p_points = coarse + tl.where(in_rows, row, 0)[:, None] * padded_dim + column[None, :]
    p_codebook = codebook + centroid[:, None] * padded_dim + column[None, :]
    product = tl.zeros((BLOCK_CENTROIDS, BLOCK_ROWS), tl.float32)
    for _ in range(0, padded_dim, BLOCK_D):
        product = tl.dot(tl.load(p_codebook), tl.load(p_points).T, product)
        p_points += BLOCK_D
        p_codebook += BLOCK_D
    factor = tl.load(stats + row, mask=in_rows, other=0.0)
    score = tl.load(norms + centroid)[:, None] - factor[None, :] * product
    packed = ((score.to(tl.int32, bitcast=True) & -BLOCK_CENTROIDS) | local[:, None]).to(tl.float32, bitcast=True)
    best = tl.min(packed, axis=0)
    other = tl.min(tl.where(packed == best[None, :], _FAR, packed), axis=0)
    place = row.to(tl.int64) * tiles + tile
    tl.store(first + place, best, mask=in_rows)
    tl.store(second + place, other, mask=in_rows)
