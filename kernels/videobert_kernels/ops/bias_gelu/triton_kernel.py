"""Bias and exact GELU: a program for each tile, so that a tile reads its piece of the bias once."""

from __future__ import annotations

import triton
import triton.language as tl

INVERSE_SQRT_2 = tl.constexpr(0.7071067811865476)


@triton.jit(do_not_specialize=["rows"])
def bias_gelu_kernel(states, bias, out, rows, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (row < rows)[:, None] & (column < width)[None, :]
    place = row[:, None] * width + column[None, :]
    added = tl.load(bias + column, mask=column < width, other=0.0).to(tl.float32)
    value = tl.load(states + place, mask=inside, other=0.0).to(tl.float32) + added[None, :]
    result = 0.5 * value * (1.0 + tl.math.erf(value * INVERSE_SQRT_2))
    tl.store(out + place, result.to(out.dtype.element_ty), mask=inside)
