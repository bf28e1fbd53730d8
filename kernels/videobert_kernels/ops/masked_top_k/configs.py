"""Launch configurations of the top-k kernels, and every variant that is shipped."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from videobert_kernels.ops.checks import FLOATS, SHORT_NAMES
from videobert_kernels.variant import KernelVariant

LARGEST_K = 32
# Candidates that one program of the merge holds; a power of two, at least LARGEST_K squared.
CANDIDATES = 4096
MERGE_WARPS = 8
MERGE_STAGES = 1


@dataclass(frozen=True, slots=True)
class Tile:
    """Masked positions, vocabulary ids and depth of one step of a program, its warps and its pipeline."""

    rows: int
    ids: int
    depth: int
    warps: int
    stages: int


_FEW = Tile(rows=16, ids=64, depth=128, warps=4, stages=3)
_MANY = Tile(rows=64, ids=64, depth=64, warps=4, stages=3)
# fp32 products run on the ordinary cores, operand by operand: smaller steps, or they spill.
_FEW_FP32 = Tile(rows=16, ids=64, depth=32, warps=4, stages=3)
_MANY_FP32 = Tile(rows=32, ids=64, depth=32, warps=4, stages=3)


def tile_for(count: int, dtype: torch.dtype) -> Tile:
    """Up to 16 positions reading the table is all the work; beyond, each tile of it serves more of them."""
    if dtype == torch.float32:
        return _FEW_FP32 if count <= 16 else _MANY_FP32
    return _FEW if count <= 16 else _MANY


def variants() -> tuple[KernelVariant, ...]:
    """Two tiles for each dtype, and the two forms of the merge; widths that divide by 16, as all of BERT's do."""
    tiles = [_tile_variant(dtype, tile_for(count, dtype)) for dtype in FLOATS for count in (16, 17)]
    return (*tiles, _merge_variant(last=False), _merge_variant(last=True))


def _tile_variant(dtype: torch.dtype, tile: Tile) -> KernelVariant:
    name = SHORT_NAMES[dtype]
    sizes = ("state_rows", "count", "width", "first", "end", "k", "tiles")
    tensors = {
        "states": f"*{name}",
        "rows": "*i32",
        "table": f"*{name}",
        "bias": f"*{name}",
        "keys": "*i64",
        "sums": "*fp32",
    }
    return KernelVariant(
        name=f"masked_top_k_tile_{name}_{tile.rows}x{tile.ids}",
        kernel="videobert_kernels.ops.masked_top_k.triton_kernel:tile_top_k_kernel",
        arguments={**tensors, **dict.fromkeys(sizes, "i32")},
        aligned=(*tensors, "width"),
        constants={"ROWS": tile.rows, "IDS": tile.ids, "DEPTH": tile.depth},
        warps=tile.warps,
        stages=tile.stages,
        serves={"dtype": (name,)},
    )


def _merge_variant(*, last: bool) -> KernelVariant:
    tensors = {
        "keys": "*i64",
        "sums": "*fp32",
        "merged_keys": "*i64",
        "values": "*fp32",
        "ids": "*i32",
        "merged_sums": "*fp32",
    }
    return KernelVariant(
        name=f"masked_top_k_merge_{'last' if last else 'inner'}",
        kernel="videobert_kernels.ops.masked_top_k.triton_kernel:merge_top_k_kernel",
        arguments={**tensors, "tiles": "i32", "k": "i32", "tiles_per_group": "i32"},
        aligned=tuple(tensors),
        constants={"CANDIDATES": CANDIDATES, "LAST": last},
        warps=MERGE_WARPS,
        stages=MERGE_STAGES,
    )
