"""A codebook and a tree as the kernels read them, and why their answers are exact.

The coarse search rounds and still finds the true nearest centroid, because every loss is bounded and whatever the
bounds leave possible is decided exactly. Notation: point x, centroid c, center m (fp32, about the centroids' mean,
removed so that data far from the origin does not cancel), a and b powers of two that bring the row and the codebook
below 1 (so fp16 neither overflows nor loses small data), X = (x - m) / a, C = (c - m) / b, X' and C' what they become
in fp16 or bf16, n = |C|^2, r = 2 a / b. Then

    |x - c|^2 = |x - m|^2 + b^2 (n - r X.C)

so the smallest score s = n - r X.C is the nearest centroid. Computed is s' = pack(n' - r acc(X'.C')). Its error:

1. Rounding of both operands, with dX = X' - X and dC = C' - C: X'.C' - X.C = X'.dC + dX.C, at most
   |X'| |dC| + |dX| |C| (Cauchy-Schwarz). All four lengths are measured, dC and |C| in fp64 here, dX and |X'| in fp32
   by `prepare_points`, enlarged there by its own rounding (2^-9), that of x - m (2^-23 of the length) and underflow.
   Products of two fp16 or two bf16 values are exact in fp32.
2. Accumulation of D products. Tensor cores add blocks of at least 4 products to the accumulator: they align all
   addends to the largest, keep at least 24 bits and truncate. A block of k products thus loses at most (k + 2) 2^-23
   of its largest addend, itself at most |X'| |C'| (which bounds every sum of |products|); all D / k blocks lose at most
   1.5 D 2^-23 |X'| |C'|. IEEE sums in any order lose less: D 2^-24. There are no partial sums of split D beyond that.
3. n' (2^-24 n), the subtraction (2^-24 of n + r |X'| |C'|) and the group's number in the low 7 bits of s'
   (2^-16 of the same), and later s' +- error (2^-23).

Together, with k3 = 2^-16 + 2^-21:  |s' - s| <= e = k3 n + r |X'| (|dC| + (1.5 D 2^-23 + k3) |C'|) + r |dX| |C|.

Stored per tile of centroids is the maximum over the tile of the three factors of 1, r |X'| and r |dX| (`bounds`, for
each tile size), enlarged by 2^-10 for the arithmetic on the bounds itself. With u the least s' + e of all tiles, the
true minimum is at most u, and a centroid whose s' - e is above u cannot be it. A tile keeps its best group (one or two
adjacent centroids) and the lowest score of all its other groups: if that one is above the limit, only the best group
is decided, else the whole tile. Nothing is ever cut from a list, so no number of near-ties is too many.

Deciding: differences are squared and summed in fp32, off by at most (D + 8) 2^-24 relatively since nothing cancels; if
the best two are not apart by that, or left the range of fp32, all candidates of the row are summed in fp64, ties to
the lowest index. A row so far out that a / b > 2^100 (or x - m overflows) gets e = infinity: fp64 decides everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.nearest_centroid.plan import (
    CENTROID_PADDING,
    DIM_PADDING,
    MAX_CENTROIDS,
    MAX_DIM,
    TILE_SIZES,
)

COARSE_DTYPES = (torch.float16, torch.bfloat16)
_FAR = 2.0**127
_SCORE_ROUNDING = 2.0**-16 + 2.0**-21
_BLOCK = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class PackedCentroids:
    """What `pack_centroids` makes; all tensors on one device.

    Args:
        centroids: fp32 `(count, dim)`, as given.
        coarse: fp16 or bf16 `(padded count, padded dim)`, centered and scaled, zeros in the padding.
        norms: fp32 `(padded count,)`, squared lengths of the scaled centroids; 2^127 in the padding.
        center: fp32 `(dim,)`.
        bounds: fp32 `(3, tiles of all sizes)`, see this module's text.
        exponent: the codebook was divided by 2 to this.
    """

    centroids: Tensor
    coarse: Tensor
    norms: Tensor
    center: Tensor
    bounds: Tensor
    exponent: int

    def __len__(self) -> int:
        return len(self.centroids)

    @property
    def dim(self) -> int:
        """Values in a centroid."""
        return int(self.centroids.shape[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class PackedTree:
    """What `pack_tree` makes; all tensors on one device.

    Args:
        nodes: fp32 `(nodes, dim)`: inner levels from the root's side, then the leaves.
        children: int32 `(1 + inner nodes, 2)`: rows of `nodes`, first and end, that are the children of the root, then
            of each inner node.
        depth: how often a child is chosen on the way to a leaf.
        leaves: number of leaves, the last rows of `nodes`.
    """

    nodes: Tensor
    children: Tensor
    depth: int
    leaves: int


def pack_centroids(centroids: Tensor, dtype: torch.dtype = torch.float16) -> PackedCentroids:
    """Prepare a codebook for `nearest_centroid`: once, when it is loaded (it waits for the device).

    Args:
        centroids: fp32 `(count, dim)`, finite; 1 to 65,536 centroids of 1 to 16,384 values.
        dtype: of the coarse search, float16 or bfloat16. Both give the same labels. The values are scaled, so
            float16 has no range to lose and leaves eight times less to be decided exactly: it is the faster one.

    Returns:
        About `6 * count * dim` bytes, `2 * count * dim` of which the search streams.

    Raises:
        KernelError: wrong shape or dtype, or a value that is not finite.
    """
    if dtype not in COARSE_DTYPES:
        raise KernelError("the coarse search does not run in this dtype", seen=dtype, allowed="float16, bfloat16")
    count, dim = _checked("centroids", centroids)
    padded = -(-count // CENTROID_PADDING) * CENTROID_PADDING
    padded_dim = -(-dim // DIM_PADDING) * DIM_PADDING
    device = centroids.device
    center = centroids.mean(dim=0, dtype=torch.float64).float()
    centroids = centroids.contiguous()
    largest = max((block.double() - center.double()).abs().max().item() for block in torch.split(centroids, _BLOCK))
    exponent = min(max(math.frexp(largest)[1], -100), 124)
    coarse = torch.zeros((padded, padded_dim), dtype=dtype, device=device)
    norms = torch.full((padded,), _FAR, dtype=torch.float32, device=device)
    # Factors of 1, r |X'| and r |dX| in a centroid's bound.
    factors = torch.zeros((3, padded), dtype=torch.float64, device=device)
    accumulation = 1.5 * padded_dim * 2.0**-23 + _SCORE_ROUNDING
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        scaled = (centroids[rows].double() - center.double()) * 2.0**-exponent
        coarse[rows, :dim] = scaled.to(dtype)
        kept = coarse[rows, :dim].double()
        squared = scaled.square().sum(dim=1)
        norms[rows] = squared.float()
        factors[0, rows] = _SCORE_ROUNDING * squared
        # 2^-100: products and sums that underflow, which is below every other share unless all of them are 0.
        factors[1, rows] = (kept - scaled).norm(dim=1) + accumulation * kept.norm(dim=1) + 2.0**-100
        factors[2, rows] = squared.sqrt()
    tiles = [factors.view(3, padded // size, size).amax(dim=2) for size in TILE_SIZES]
    bounds = (torch.cat(tiles, dim=1) * (1 + 2.0**-10)).float()
    return PackedCentroids(
        centroids=centroids, coarse=coarse, norms=norms, center=center, bounds=bounds, exponent=exponent
    )


def pack_tree(levels: Sequence[tuple[Tensor, Tensor]], leaves: Tensor) -> PackedTree:
    """Prepare a centroid tree for `nearest_centroid_tree`: once, when it is loaded (it waits for the device).

    Args:
        levels: inner levels from the root's side, each a pair of fp32 centroids `(nodes, dim)` and integer offsets
            `(nodes + 1,)`: the children of node i are rows `offsets[i]` to `offsets[i + 1] - 1` of the next level, or
            of `leaves` below the last one. Every node has at least one child; pruned trees have fewer than others.
        leaves: fp32 `(leaves, dim)`; row i is label i.

    Raises:
        KernelError: shapes, dtypes or offsets do not fit, or a value is not finite.
    """
    _, dim = _checked("leaves", leaves)
    tables = [*(centroids for centroids, _ in levels), leaves]
    for depth, table in enumerate(tables[:-1]):
        if _checked(f"level {depth}", table)[1] != dim or table.device != leaves.device:
            raise KernelError(
                f"level {depth} does not fit the leaves", seen=tuple(table.shape), allowed=f"(nodes, {dim})"
            )
    starts = [0]
    for table in tables:
        starts.append(starts[-1] + len(table))
    ranges = [torch.tensor([[0, len(tables[0])]])]
    for depth, (table, offsets) in enumerate(levels):
        offsets = offsets.to("cpu", torch.int64)
        end = len(tables[depth + 1])
        if (
            offsets.shape != (len(table) + 1,)
            or offsets[0] != 0
            or offsets[-1] != end
            or bool((offsets[1:] <= offsets[:-1]).any())
        ):
            raise KernelError(
                f"offsets of level {depth} do not fit", seen=offsets[:8].tolist(), allowed=f"0 to {end}, rising"
            )
        ranges.append(torch.stack((offsets[:-1], offsets[1:]), dim=1) + starts[depth + 1])
    return PackedTree(
        nodes=torch.cat([table.contiguous() for table in tables]),
        children=torch.cat(ranges).to(leaves.device, torch.int32).contiguous(),
        depth=len(tables),
        leaves=len(leaves),
    )


def _checked(name: str, table: Tensor) -> tuple[int, int]:
    """The shape."""
    if table.dtype != torch.float32 or table.dim() != 2 or 0 in table.shape:
        raise KernelError(
            f"{name} cannot be used", seen=f"{table.dtype}{tuple(table.shape)}", allowed="float32 (n, dim)"
        )
    count, dim = table.shape
    if count > MAX_CENTROIDS or dim > MAX_DIM:
        raise KernelError(f"{name}: too large", seen=(count, dim), allowed=f"({MAX_CENTROIDS}, {MAX_DIM})")
    if not bool(torch.isfinite(table).all()):
        raise KernelError(f"{name}: a value is not finite", fix="Look for overflow in the training of the codebook.")
    return count, dim
