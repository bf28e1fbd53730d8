"""`bias_gelu`: validation, registration and launch."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.bias_gelu.configs import STAGES, tile_for
from videobert_kernels.ops.bias_gelu.reference import bias_gelu_reference
from videobert_kernels.ops.checks import check_contiguous, check_floats, check_shape
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.variant import FP_FUSION

# Tiles of columns are the second axis of the grid, which ends there.
_LARGEST_WIDTH = 1024 * 65_535


def bias_gelu(states: Tensor, bias: Tensor, *, backend: Backend = "auto") -> Tensor:
    """`gelu(states + bias)` with the exact GELU, by the error function, as BERT has it (arXiv 1606.08415).

    Computed in fp32 and rounded once, whatever the dtype.

    Args:
        states: `(rows, width)`, contiguous; what a matrix product without bias gave.
        bias: `(width,)`.
        backend: see `dispatch.choose`.

    Returns:
        `(rows, width)` in the dtype of `states` (fp32, fp16 or bf16).

    Raises:
        KernelError: shapes, dtypes or devices do not fit together, or a tensor is not contiguous.

    Cost: one launch; reads and writes each value once; about 30 operations for each.
    """
    check_shape("states", states, None, None)
    check_shape("bias", bias, states.shape[1])
    check_floats(states, bias=bias)
    check_contiguous(states=states, bias=bias)
    if states.shape[1] > _LARGEST_WIDTH:
        raise KernelError("the width is out of range", seen=states.shape[1], allowed=f"at most {_LARGEST_WIDTH}")
    out: Tensor = _bias_gelu(states, bias, choose(backend, states))
    return out


@torch.library.custom_op("videobert_kernels::bias_gelu", mutates_args=())
def _bias_gelu(states: Tensor, bias: Tensor, backend: str) -> Tensor:
    if backend == "reference":
        return bias_gelu_reference(states, bias)
    from videobert_kernels.ops.bias_gelu.triton_kernel import bias_gelu_kernel

    out = torch.empty(states.shape, dtype=states.dtype, device=states.device)
    rows, width = states.shape
    if out.numel() == 0:
        return out
    tile = tile_for(rows, width)
    with on_device_of(states):
        bias_gelu_kernel[(-(-rows // tile.rows), -(-width // tile.columns))](
            states,
            bias,
            out,
            rows,
            width,
            ROWS=tile.rows,
            COLUMNS=tile.columns,
            num_warps=tile.warps,
            num_stages=STAGES,
            enable_fp_fusion=FP_FUSION,
        )
    return out


@_bias_gelu.register_fake
def _(states: Tensor, bias: Tensor, backend: str) -> Tensor:
    return torch.empty_like(states)
