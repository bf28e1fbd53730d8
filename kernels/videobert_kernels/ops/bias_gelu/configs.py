"""Launch configurations of the GELU kernel, and every variant that is shipped."""

from __future__ import annotations

from dataclasses import dataclass

from videobert_kernels.ops.checks import FLOATS, SHORT_NAMES
from videobert_kernels.variant import KernelVariant

STAGES = 1  # nothing to pipeline: the kernel has no loop
# From here on there are more tiles than a large GPU holds at once, and a larger tile reads the bias less often.
_MANY_VALUES = 1 << 22


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows and columns of one program, and its warps."""

    rows: int
    columns: int
    warps: int


SMALL = Tile(rows=1, columns=1024, warps=4)
LARGE = Tile(rows=4, columns=1024, warps=4)


def tile_for(rows: int, width: int) -> Tile:
    """Small tiles fill the GPU with few tokens, large ones save reads with many."""
    return LARGE if rows * width >= _MANY_VALUES else SMALL


def variants() -> tuple[KernelVariant, ...]:
    """One for each dtype and tile; widths that divide by 16, as all of BERT's do."""
    return tuple(_variant(SHORT_NAMES[dtype], tile) for dtype in FLOATS for tile in (SMALL, LARGE))


def _variant(dtype: str, tile: Tile) -> KernelVariant:
    tensors = ("states", "bias", "out")
    return KernelVariant(
        name=f"bias_gelu_{dtype}_{tile.rows}x{tile.columns}",
        kernel="videobert_kernels.ops.bias_gelu.triton_kernel:bias_gelu_kernel",
        arguments={**dict.fromkeys(tensors, f"*{dtype}"), "rows": "i32", "width": "i32"},
        aligned=(*tensors, "width"),
        constants={"ROWS": tile.rows, "COLUMNS": tile.columns},
        warps=tile.warps,
        stages=STAGES,
        serves={"dtype": (dtype,)},
    )
