"""What a search launches, as plain data: buffers with their sizes, kernels with their grids and arguments.

`launch.py` runs it with torch and Triton; a process with neither can run it from compiled kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final, Literal

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.nearest_centroid import configs
from videobert_kernels.variant import KernelVariant

MAX_CENTROIDS: Final = configs.MAX_CENTROIDS
MAX_DIM: Final = 16_384
# Rows of the packed codebook, and values in a row of it and of the coarse points, are multiples of these.
CENTROID_PADDING: Final = 128
DIM_PADDING: Final = 64
# Tile sizes that have bounds in a packed codebook, in this order.
TILE_SIZES: Final = (64, 128)
_BYTES: Final = {"fp32": 4, "fp16": 2, "bf16": 2, "i32": 4}

Role = Literal["input", "output", "scratch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """Device memory that a launch reads or writes; contiguous, on a 16-byte boundary (`points` need not be).

    Args:
        name: what launches call it.
        dtype: Triton's name of the element type.
        shape: elements.
        role: `"input"` is given, `"output"` is the answer, `"scratch"` is written before it is read.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    role: Role

    @property
    def bytes(self) -> int:
        """Size."""
        return prod(self.shape) * _BYTES[self.dtype]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One kernel.

    Args:
        variant: what to compile, or the name of what was compiled.
        grid: programs.
        arguments: values of `variant.arguments` in order: the name of a buffer, or an integer.
    """

    variant: KernelVariant
    grid: tuple[int, int, int]
    arguments: tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launches:
    """All of an answer, to run in order on one stream. The same shapes give the same launches, so that they can be
    captured in a graph; no points give no launches."""

    buffers: tuple[Buffer, ...]
    launches: tuple[Launch, ...]


def plan(
    rows: int, centroids: int, dim: int, capability: int | None, *, points: str = "fp32", coarse: str = "fp16",
    margin: bool = False, exponent: int = 0,
) -> Launches:  # fmt: skip
    """The flat search.

    Args:
        rows: number of points.
        centroids: number of centroids.
        dim: values in each.
        capability: major * 10 + minor; an unknown one gets what is shipped for 80. None is Triton's interpreter.
        points: their type: fp32, fp16 or bf16.
        coarse: type of the packed codebook: fp16 or bf16.
        margin: whether margins are an output.
        exponent: of the packed codebook.

    Raises:
        KernelError: a size out of range.
    """
    if rows < 0 or not 0 < centroids <= MAX_CENTROIDS or not 0 < dim <= MAX_DIM:
        raise KernelError(
            "not a search that can be planned",
            seen=f"{rows} points, {centroids} centroids, {dim} values",
            allowed=f"0 or more, 1 to {MAX_CENTROIDS}, 1 to {MAX_DIM}",
        )
    is_few = rows <= configs.FEW_ROWS
    search = configs.few(rows) if is_few else configs.many(capability)
    size = search.constants["BLOCK_CENTROIDS"]
    tiles = -(-centroids // size)
    row_tiles = -(-rows // search.constants["BLOCK_ROWS"])
    padded, padded_dim = packed_shape(centroids, dim)
    buffers = (
        Buffer(name="points", dtype=points, shape=(rows, dim), role="input"),
        Buffer(name="centroids", dtype="fp32", shape=(centroids, dim), role="input"),
        Buffer(name="codebook", dtype=coarse, shape=(padded, padded_dim), role="input"),
        Buffer(name="norms", dtype="fp32", shape=(padded,), role="input"),
        Buffer(name="center", dtype="fp32", shape=(dim,), role="input"),
        Buffer(name="bounds", dtype="fp32", shape=(3, bounds_length(padded)), role="input"),
        Buffer(name="coarse", dtype=coarse, shape=(rows, padded_dim), role="scratch"),
        Buffer(name="stats", dtype="fp32", shape=(3, rows), role="scratch"),
        Buffer(name="first", dtype="fp32", shape=(rows, tiles), role="scratch"),
        Buffer(name="second", dtype="fp32", shape=(rows, tiles), role="scratch"),
        *_outputs(rows, margin),
    )
    if rows == 0:
        return Launches(buffers=buffers, launches=())
    prepare = configs.prepare(capability)
    decide = configs.rescore(capability)
    sizes = {
        "TILES": configs.tile_lanes(tiles, size, capability),
        "TILE_SIZE": size,
        "GROUP": search.constants.get("GROUP", 1),
        "MARGIN": margin,
    }
    bound_start = sum(padded // other for other in TILE_SIZES[: TILE_SIZES.index(size)])
    search_buffers = ("coarse", "codebook", "norms", "stats", "first", "second")
    launches = (
        Launch(
            variant=configs.variant("prepare_points", points, coarse, prepare),
            grid=(-(-rows // prepare.constants["ROWS"]), 1, 1),
            arguments=("points", "center", "coarse", "stats", rows, dim, padded_dim, exponent),
        ),
        Launch(
            variant=configs.variant("search_few", "", coarse, search),
            grid=(tiles, 1, 1),
            arguments=(*search_buffers, rows, tiles, padded_dim),
        )
        if is_few
        else Launch(
            variant=configs.variant("search_many", "", coarse, search),
            grid=(row_tiles * tiles, 1, 1),
            arguments=(*search_buffers, rows, row_tiles, tiles, padded_dim),
        ),
        Launch(
            variant=configs.variant("rescore", points, "", decide, sizes),
            grid=(-(-rows // decide.constants["ROWS"]), 1, 1),
            arguments=(
                "points", "centroids", "bounds", "stats", "first", "second", "labels", "distances", "margins",
                rows, tiles, centroids, dim, bound_start, bounds_length(padded),
            ),
        ),
    )  # fmt: skip
    return Launches(buffers=buffers, launches=launches)


def plan_tree(
    rows: int, nodes: int, inner: int, depth: int, dim: int, capability: int | None, *, points: str = "fp32",
    margin: bool = False,
) -> Launches:  # fmt: skip
    """The descent of a tree.

    Args:
        rows: number of points.
        nodes: all nodes, leaves included.
        inner: nodes that have children, without the root.
        depth: how often a child is chosen.
        dim: values in a node.
        capability: as in `plan`.
        points: their type.
        margin: whether margins are an output.
    """
    buffers = (
        Buffer(name="points", dtype=points, shape=(rows, dim), role="input"),
        Buffer(name="nodes", dtype="fp32", shape=(nodes, dim), role="input"),
        Buffer(name="children", dtype="i32", shape=(inner + 1, 2), role="input"),
        *_outputs(rows, margin),
    )
    if rows == 0:
        return Launches(buffers=buffers, launches=())
    config = configs.descend(capability)
    launch = Launch(
        variant=configs.variant("descend", points, "", config, {"MARGIN": margin}),
        grid=(-(-rows // config.constants["ROWS"]), 1, 1),
        arguments=("points", "nodes", "children", "labels", "distances", "margins", rows, dim, depth, inner),
    )
    return Launches(buffers=buffers, launches=(launch,))


def packed_shape(centroids: int, dim: int) -> tuple[int, int]:
    """Of the coarse codebook: padded centroids, padded values."""
    return -(-centroids // CENTROID_PADDING) * CENTROID_PADDING, -(-dim // DIM_PADDING) * DIM_PADDING


def bounds_length(padded_centroids: int) -> int:
    """Tiles of all sizes."""
    return sum(padded_centroids // size for size in TILE_SIZES)


def _outputs(rows: int, margin: bool) -> tuple[Buffer, ...]:
    return (
        Buffer(name="labels", dtype="i32", shape=(rows,), role="output"),
        Buffer(name="distances", dtype="fp32", shape=(rows,), role="output"),
        Buffer(name="margins", dtype="fp32", shape=(rows if margin else 0,), role="output"),
    )
