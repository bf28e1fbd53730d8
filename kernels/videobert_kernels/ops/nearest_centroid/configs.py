"""Which tiles: chosen by shape and architecture, never by timing at run time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from videobert_kernels.variant import CAPABILITIES, KernelVariant

POINT_DTYPES: Final = ("fp32", "fp16", "bf16")
COARSE_DTYPES: Final = ("fp16", "bf16")
MAX_CENTROIDS: Final = 65_536
# Up to this many points the codebook streams past them; above, it is a matrix product.
FEW_ROWS: Final = 64
_COARSE: Final = "videobert_kernels.ops.nearest_centroid.coarse_kernel"
_EXACT: Final = "videobert_kernels.ops.nearest_centroid.triton_kernel"
_MODULES: Final = {
    "prepare_points": _COARSE,
    "search_many": _COARSE,
    "search_few": _COARSE,
    "rescore": _EXACT,
    "descend": _EXACT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Values of a kernel's constants (without those that the problem decides), warps per program, pipeline stages."""

    constants: dict[str, int]
    warps: int
    stages: int = 1


def _many(rows: int, centroids: int, depth: int, order: int, warps: int, stages: int) -> Config:
    sizes = {"BLOCK_ROWS": rows, "BLOCK_CENTROIDS": centroids, "BLOCK_D": depth, "GROUP": 2, "ORDER": order}
    return Config(constants=sizes, warps=warps, stages=stages)


def _few(rows: int, depth: int, stages: int) -> Config:
    return Config(constants={"BLOCK_ROWS": rows, "BLOCK_CENTROIDS": 64, "BLOCK_D": depth}, warps=4, stages=stages)


# Two programs share a multiprocessor: while one reduces its accumulators, the other keeps the tensor cores busy. That
# takes at most half of the shared memory (stages * (rows + centroids) * depth * 2 bytes) and 128 registers a thread.
_MANY: Final = {
    80: _many(128, 128, 32, 8, 8, 4),
    86: _many(128, 128, 32, 8, 8, 3),
    89: _many(128, 128, 32, 8, 8, 3),
    90: _many(128, 128, 64, 16, 8, 3),
    100: _many(128, 128, 64, 16, 8, 3),
    120: _many(128, 128, 32, 8, 8, 3),
}
# By the number of points that fit. What hides the latency of device memory is bytes in flight: programs times stages.
_FEW: Final = {rows: _few(rows, 64, 4) for rows in (16, 32, 64)}
# One point a program: thousands of small programs hide each other's latency, and one point gets all its threads.
_PREPARE: Final = Config(constants={"ROWS": 1, "BLOCK_D": 1024}, warps=4)
_RESCORE: Final = Config(constants={"ROWS": 1, "PAIRS": 2, "BLOCK_D": 1024}, warps=4)
_DESCEND: Final = Config(constants={"ROWS": 1, "PAIRS": 4, "BLOCK_D": 1024}, warps=8)
# The interpreter pays for operations, not for elements.
_INTERPRETED: Final = {
    "prepare": Config(constants={"ROWS": 64, "BLOCK_D": 1024}, warps=4),
    "rescore": Config(constants={"ROWS": 32, "PAIRS": 16, "BLOCK_D": 64}, warps=4),
    "descend": Config(constants={"ROWS": 32, "PAIRS": 16, "BLOCK_D": 64}, warps=4),
}


def few(rows: int) -> Config:
    """The search of at most FEW_ROWS points."""
    return _FEW[16 if rows <= 16 else 32 if rows <= 32 else 64]


def many(capability: int | None) -> Config:
    """The search of more points; None is the interpreter, which runs what is shipped for 90."""
    return _MANY.get(capability or 90, _MANY[80])


def prepare(capability: int | None) -> Config:
    """Rounding the points."""
    return _INTERPRETED["prepare"] if capability is None else _PREPARE


def rescore(capability: int | None) -> Config:
    """Deciding among the candidates."""
    return _INTERPRETED["rescore"] if capability is None else _RESCORE


def descend(capability: int | None) -> Config:
    """The tree."""
    return _INTERPRETED["descend"] if capability is None else _DESCEND


def tile_lanes(tiles: int, tile_size: int, capability: int | None) -> int:
    """Lanes of `rescore` over the tiles of a point: enough for any codebook, so that one kernel does for all."""
    return max(2, 1 << (tiles - 1).bit_length()) if capability is None else MAX_CENTROIDS // tile_size


ARGUMENTS: Final = {
    "prepare_points": {
        "points": "*{points}", "center": "*fp32", "coarse": "*{coarse}", "stats": "*fp32", "rows": "i32", "dim": "i32",
        "padded_dim": "i32", "exponent": "i32",
    },
    "search_many": {
        "coarse": "*{coarse}", "codebook": "*{coarse}", "norms": "*fp32", "stats": "*fp32", "first": "*fp32",
        "second": "*fp32", "rows": "i32", "row_tiles": "i32", "tiles": "i32", "padded_dim": "i32",
    },
    "search_few": {
        "coarse": "*{coarse}", "codebook": "*{coarse}", "norms": "*fp32", "stats": "*fp32", "first": "*fp32",
        "second": "*fp32", "rows": "i32", "tiles": "i32", "padded_dim": "i32",
    },
    "rescore": {
        "points": "*{points}", "centroids": "*fp32", "bounds": "*fp32", "stats": "*fp32", "first": "*fp32",
        "second": "*fp32", "labels": "*i32", "distances": "*fp32", "margins": "*fp32", "rows": "i32", "tiles": "i32",
        "count": "i32", "dim": "i32", "bound_start": "i32", "bound_stride": "i32",
    },
    "descend": {
        "points": "*{points}", "nodes": "*fp32", "children": "*i32", "labels": "*i32", "distances": "*fp32",
        "margins": "*fp32", "rows": "i32", "dim": "i32", "depth": "i32", "leaves_start": "i32",
    },
}  # fmt: skip


def variant_name(kernel: str, points: str, coarse: str, constants: Mapping[str, Any], stages: int) -> str:
    """Stable name of a kernel with everything that decides its machine code."""
    arguments = "".join(ARGUMENTS[kernel].values())
    types = [points] if "{points}" in arguments else []
    types += [f"to_{coarse}" if types else coarse] if "{coarse}" in arguments else []
    sizes = [f"{key.lower().replace('block_', '')}{int(value)}" for key, value in constants.items()]
    return "_".join(["nearest", kernel, *types, *sizes, *([f"stages{stages}"] if stages > 1 else [])])


def variant(
    kernel: str, points: str, coarse: str, config: Config, extra: dict[str, Any] | None = None,
    capabilities: tuple[int, ...] = CAPABILITIES,
) -> KernelVariant:  # fmt: skip
    """The variant that a launch with these choices runs.

    Args:
        kernel: name of the jitted function.
        points: type of the points.
        coarse: type of the coarse search.
        config: tile sizes.
        extra: constants that the problem decides.
        capabilities: what it is shipped for.
    """
    constants = {**config.constants, **(extra or {})}
    arguments = {name: kind.format(points=points, coarse=coarse) for name, kind in ARGUMENTS[kernel].items()}
    # Tensors begin on 16-byte boundaries, except points: a caller may pass a slice, and rows of odd length do not.
    aligned = tuple(
        name for name, kind in arguments.items() if name == "padded_dim" or (kind.startswith("*") and name != "points")
    )
    return KernelVariant(
        name=variant_name(kernel, points, coarse, constants, config.stages),
        kernel=f"{_MODULES[kernel]}:{kernel}",
        arguments=arguments,
        constants=constants,
        aligned=aligned,
        warps=config.warps,
        stages=config.stages,
        capabilities=capabilities,
    )


def variants() -> tuple[KernelVariant, ...]:
    """Every kernel with every dtype and tile that `plan` can ask for on a GPU."""
    shipped: dict[str, KernelVariant] = {}

    def add(each: KernelVariant) -> None:
        known = shipped.get(each.name, each)
        shipped[each.name] = replace(each, capabilities=tuple(sorted({*known.capabilities, *each.capabilities})))

    for coarse in COARSE_DTYPES:
        for config in _FEW.values():
            add(variant("search_few", "", coarse, config))
        for capability in CAPABILITIES:
            add(variant("search_many", "", coarse, _MANY[capability], capabilities=(capability,)))
    for points in POINT_DTYPES:
        for coarse in COARSE_DTYPES:
            add(variant("prepare_points", points, coarse, _PREPARE))
        for margin in (False, True):
            add(variant("descend", points, "", _DESCEND, {"MARGIN": margin}))
            for size, group in ((64, 1), (128, 2)):
                sizes = {"TILES": MAX_CENTROIDS // size, "TILE_SIZE": size, "GROUP": group, "MARGIN": margin}
                add(variant("rescore", points, "", _RESCORE, sizes))
    return tuple(shipped[name] for name in sorted(shipped))
