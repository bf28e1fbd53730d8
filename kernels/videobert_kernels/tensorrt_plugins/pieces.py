"""Which kernel each plugin runs, with which integers and on which grid, from the operators' own plans.

A plugin is one launch, the exact nearest centroid takes three: prepare, search and rescore are three plugins, chained
in the graph, with the buffers between them as tensors. The alternative, a coarse search whose candidates the host
decides, would keep the graph from going on with the labels and would no longer be exact on the device.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.attention import configs as attention_configs
from videobert_kernels.ops.checks import SHORT_NAMES
from videobert_kernels.ops.nearest_centroid import configs as nearest_configs
from videobert_kernels.ops.nearest_centroid.plan import (
    MAX_CENTROIDS,
    MAX_DIM,
    Launch,
    Launches,
    bounds_length,
    packed_shape,
    plan,
)
from videobert_kernels.variant import KernelVariant

# The type of the coarse search. bf16 gives the same labels, slower.
COARSE: Final = "fp16"
_MODULE: Final = "videobert_kernels.tensorrt_plugins.triton_kernel"
_TORCH: Final = {name: dtype for dtype, name in SHORT_NAMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one plugin compiles and passes.

    Args:
        candidates: variants that compute the same, the preferred one first; later ones use less shared memory.
        integers: extra parameters that are known when the engine is built.
    """

    candidates: tuple[KernelVariant, ...]
    integers: Mapping[str, int]


def prepare(points: str, dim: int, exponent: int, capability: int) -> Piece:
    """Points to coarse points: `points` and `center` to `coarse` and `stats`; one program for each `ROWS` points.

    Raises:
        KernelError: a size or a type out of range.
    """
    launch = _planned(1, 1, dim, capability, points, exponent).launches[0]
    names = (("points", "center"), ("rows", "dim", "padded_dim"), ("coarse", "stats"))
    return _nearest(launch, "nearest_prepare", names, {"EXPONENT": exponent})


def search(most_rows: int, centroids: int, padded_dim: int, capability: int) -> Piece:
    """Coarse scores: `coarse`, `codebook`, `norms` and `stats` to `first` and `second`, best two of each tile.

    Up to 64 rows: one program a tile, and more rows must never come. Above: a program for each tile and `BLOCK_ROWS`
    rows, for any number of rows.

    Raises:
        KernelError: a size out of range.
    """
    launch = _planned(most_rows, centroids, padded_dim, capability).launches[1]
    kernel = "nearest_" + launch.variant.kernel.partition(":")[2]
    names = (("coarse", "codebook", "norms", "stats"), ("rows", "tiles", "padded_dim"), ("first", "second"))
    return _nearest(launch, kernel, names)


def rescore(points: str, most_rows: int, centroids: int, dim: int, capability: int) -> Piece:
    """The decision: `points`, `centroids`, `bounds`, `stats`, `first` and `second` to `labels` and `distances`.

    Raises:
        KernelError: a size or a type out of range.
    """
    launch = _planned(most_rows, centroids, dim, capability, points).launches[2]
    names = (
        ("points", "centroids", "bounds", "stats", "first", "second"),
        ("rows", "tiles", "count", "dim", "bound_start", "bound_stride"),
        ("labels", "distances"),
    )
    return _nearest(launch, "nearest_rescore", names, without=("MARGIN",))


def attention(dtype: str, head_size: int, causal: bool, longest_query: int, capability: int) -> Piece:
    """Packed attention scaled by `head_size ** -0.5`; `(total_queries // QUERY_TILE + segments + 1) * heads` programs.

    Raises:
        KernelError: a size or a type that has no kernel.
    """
    if dtype not in _TORCH:
        raise KernelError("this dtype has no kernel", seen=dtype, allowed=", ".join(_TORCH))
    if head_size not in attention_configs.HEAD_SIZES:
        raise KernelError("this head size is not supported", seen=head_size, allowed=attention_configs.HEAD_SIZES)
    if longest_query < 0:
        raise KernelError("longest_query is out of range", seen=longest_query, allowed="0 or more")
    kind = _TORCH[dtype]
    chosen = attention_configs.choose_config(head_size, kind, causal, longest_query, capability)
    shipped = attention_configs.shipped(head_size, kind, causal, capability)
    # Those for shorter segments have smaller tiles.
    configs = reversed(shipped[: shipped.index(chosen) + 1])
    names = (
        ("query", "key", "value", "query_offsets", "key_ranges"),
        ("total_queries", "total_keys", "segments", "heads"),
        ("output",),
    )
    scale = {"SCALE_LOG2": head_size**-0.5 * math.log2(math.e)}
    variants = [
        _reordered(
            attention_configs.variant(head_size, kind, causal, config, (capability,)), "packed_attention", names, scale
        )
        for config in configs
    ]
    return Piece(candidates=tuple(each for variant in variants for each in _narrowing(variant)), integers={})


def padded_centroids(centroids: int) -> int:
    """Rows of the coarse codebook."""
    return packed_shape(centroids, 1)[0]


def bounds(centroids: int) -> int:
    """Values in a row of the codebook's bounds."""
    return bounds_length(padded_centroids(centroids))


def tiles(most_rows: int, centroids: int) -> int:
    """Scores of a row that the search keeps."""
    return search(most_rows, centroids, 1, 90).integers["tiles"]


def is_bounded(most_rows: int) -> bool:
    """Whether the search for so many rows cannot take more."""
    return most_rows <= nearest_configs.FEW_ROWS


def _planned(
    most_rows: int, centroids: int, dim: int, capability: int, points: str = "fp32", exponent: int = 0
) -> Launches:
    if points not in nearest_configs.POINT_DTYPES:
        raise KernelError("this dtype has no kernel", seen=points, allowed=", ".join(nearest_configs.POINT_DTYPES))
    if most_rows < 1:
        raise KernelError("most_rows is out of range", seen=most_rows, allowed="1 or more")
    if not -100 <= exponent <= 124:
        raise KernelError("not the exponent of a packed codebook", seen=exponent, allowed="-100 to 124")
    if not 0 < centroids <= MAX_CENTROIDS or not 0 < dim <= MAX_DIM:
        raise KernelError(
            "not a codebook", seen=f"({centroids}, {dim})", allowed=f"(1 to {MAX_CENTROIDS}, 1 to {MAX_DIM})"
        )
    return plan(most_rows, centroids, dim, capability, points=points, coarse=COARSE, exponent=exponent)


_Names = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _nearest(
    launch: Launch, kernel: str, names: _Names, folded: Mapping[str, Any] | None = None, without: tuple[str, ...] = ()
) -> Piece:
    variant = _reordered(launch.variant, kernel, names, folded or {}, without)
    values = dict(zip(launch.variant.arguments, launch.arguments, strict=True))
    known = {name: values[name] for name in names[1] if name != "rows"}
    integers = {name: value for name, value in known.items() if isinstance(value, int)}
    return Piece(candidates=tuple(_narrowing(variant)), integers=integers)


def _reordered(
    variant: KernelVariant, kernel: str, names: _Names, folded: Mapping[str, Any], without: tuple[str, ...] = ()
) -> KernelVariant:
    arguments = {name: variant.arguments[name] for group in names for name in group}
    constants = {name: value for name, value in variant.constants.items() if name not in without}
    return replace(
        variant,
        name=f"plugin_{variant.name}",
        kernel=f"{_MODULE}:{kernel}",
        arguments=arguments,
        aligned=tuple(name for name in variant.aligned if name in arguments),
        constants={**folded, **constants},
    )


def _narrowing(variant: KernelVariant) -> Iterator[KernelVariant]:
    for stages in range(variant.stages, 0, -1):
        yield replace(variant, stages=stages)
