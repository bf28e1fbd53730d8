"""A kernel without fault."""

import triton
import triton.language as tl


@triton.jit
def scaled(values, out, count, factor, stride, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = rows < count
    tl.store(out + rows * stride, tl.load(values + rows * stride, mask=inside) * factor, mask=inside)
