"""One kernel for each fault that the gate must find."""

import triton
import triton.language as tl


@triton.jit
def centred(values, out, BLOCK: tl.constexpr):
    # Everything stays alive across the sum: in one warp that is BLOCK / 32 registers a thread.
    columns = tl.arange(0, BLOCK)
    row = tl.load(values + columns)
    tl.store(out + columns, row - tl.sum(row, axis=0) / BLOCK)


@triton.jit
def product(left, right, out, size, BLOCK: tl.constexpr):
    rows = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK, BLOCK), tl.float32)
    for start in range(0, size, BLOCK):
        a = tl.load(left + rows[:, None] * size + start + rows[None, :])
        b = tl.load(right + (start + rows[:, None]) * size + rows[None, :])
        total = tl.dot(a, b, total)
    tl.store(out + rows[:, None] * BLOCK + rows[None, :], total)


@triton.jit
def uneven(out, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), 1.0)
