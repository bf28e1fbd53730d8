"""`bias_residual_layer_norm`: validation, registration and launch."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert_kernels.ops.bias_residual_layer_norm.configs import STAGES
from videobert_kernels.ops.bias_residual_layer_norm.reference import bias_residual_layer_norm_reference
from videobert_kernels.ops.checks import check_contiguous, check_floats, check_shape
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.ops.row_blocks import WARPS, block_for
from videobert_kernels.variant import FP_FUSION


def bias_residual_layer_norm(
    states: Tensor,
    bias: Tensor,
    residual: Tensor,
    weight: Tensor,
    offset: Tensor,
    *,
    eps: float = 1e-12,
    backend: Backend = "auto",
) -> Tensor:
    """`layer_norm(states + bias + residual) * weight + offset`, row by row: what ends each half of a BERT layer.

    The sum and its statistics are fp32 whatever the dtype: fp16 activations whose sum passes 65,504 stay finite, and
    rows with a mean that is large beside their spread keep their digits.

    Args:
        states: `(rows, width)`, contiguous; what a matrix product without bias gave.
        bias: `(width,)` of that product.
        residual: `(rows, width)`, contiguous.
        weight, offset: `(width,)` of the LayerNorm.
        eps: added to the variance.
        backend: see `dispatch.choose`.

    Returns:
        `(rows, width)` in the dtype of `states` (fp32, fp16 or bf16).

    Raises:
        KernelError: shapes, dtypes or devices do not fit together, a tensor is not contiguous, or the width is not
            1 to 4,096.

    Cost: one launch; reads two rows and writes one; about 10 operations for each value.
    """
    check_shape("states", states, None, None)
    rows, width = states.shape
    check_shape("residual", residual, rows, width)
    for name, vector in (("bias", bias), ("weight", weight), ("offset", offset)):
        check_shape(name, vector, width)
    check_floats(states, bias=bias, residual=residual, weight=weight, offset=offset)
    check_contiguous(states=states, bias=bias, residual=residual, weight=weight, offset=offset)
    block_for(width)
    out: Tensor = _bias_residual_layer_norm(states, bias, residual, weight, offset, eps, choose(backend, states))
    return out


@torch.library.custom_op("videobert_kernels::bias_residual_layer_norm", mutates_args=())
def _bias_residual_layer_norm(
    states: Tensor, bias: Tensor, residual: Tensor, weight: Tensor, offset: Tensor, eps: float, backend: str
) -> Tensor:
    if backend == "reference":
        return bias_residual_layer_norm_reference(states, bias, residual, weight, offset, eps)
    from videobert_kernels.ops.bias_residual_layer_norm.triton_kernel import bias_residual_layer_norm_kernel

    out = torch.empty(states.shape, dtype=states.dtype, device=states.device)
    rows, width = states.shape
    if rows == 0:
        return out
    block = block_for(width)
    with on_device_of(states):
        bias_residual_layer_norm_kernel[(rows,)](
            states,
            bias,
            residual,
            weight,
            offset,
            out,
            width,
            eps,
            BLOCK=block,
            num_warps=WARPS[block],
            num_stages=STAGES,
            enable_fp_fusion=FP_FUSION,
        )
    return out


@_bias_residual_layer_norm.register_fake
def _(
    states: Tensor, bias: Tensor, residual: Tensor, weight: Tensor, offset: Tensor, eps: float, backend: str
) -> Tensor:
    return torch.empty_like(states)
