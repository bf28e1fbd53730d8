"""Launch configurations of the residual LayerNorm kernel, and every variant that is shipped."""

from __future__ import annotations

from videobert_kernels.ops.checks import FLOATS, SHORT_NAMES
from videobert_kernels.ops.row_blocks import WARPS, widths_of
from videobert_kernels.variant import KernelVariant

STAGES = 1  # nothing to pipeline: the kernel has no loop


def variants() -> tuple[KernelVariant, ...]:
    """One for each dtype and block of columns; widths that divide by 16, as all of BERT's do."""
    return tuple(_variant(SHORT_NAMES[dtype], block) for dtype in FLOATS for block in WARPS)


def _variant(dtype: str, block: int) -> KernelVariant:
    tensors = ("states", "bias", "residual", "weight", "offset", "out")
    return KernelVariant(
        name=f"bias_residual_layer_norm_{dtype}_b{block}",
        kernel="videobert_kernels.ops.bias_residual_layer_norm.triton_kernel:bias_residual_layer_norm_kernel",
        arguments={**dict.fromkeys(tensors, f"*{dtype}"), "width": "i32", "eps": "fp32"},
        aligned=(*tensors, "width"),
        constants={"BLOCK": block},
        warps=WARPS[block],
        stages=STAGES,
        serves={"dtype": (dtype,), "width": widths_of(block)},
    )
