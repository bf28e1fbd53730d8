"""Bias, residual sum and LayerNorm: one program for each row, which stays in registers."""

from __future__ import annotations

import triton
import triton.language as tl

from videobert_kernels.ops.row_norm import layer_norm_row


@triton.jit
def bias_residual_layer_norm_kernel(states, bias, residual, weight, offset, out, width, eps, BLOCK: tl.constexpr):
    first = tl.program_id(0).to(tl.int64) * width
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    total = tl.load(states + first + columns, mask=inside, other=0.0).to(tl.float32)
    total += tl.load(bias + columns, mask=inside, other=0.0).to(tl.float32)
    total += tl.load(residual + first + columns, mask=inside, other=0.0).to(tl.float32)
    normal = layer_norm_row(total, columns, width, weight, offset, eps)
    tl.store(out + first + columns, normal.to(out.dtype.element_ty), mask=inside)
