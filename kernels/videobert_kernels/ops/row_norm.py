"""LayerNorm of one row that a program holds in registers; shared by the kernels that end in one."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def layer_norm_row(row, columns, width, weight, bias, eps):
    """The normalised fp32 `row`, of which the first `width` values count.

    The first pass finds the mean; the second sums the deviations from it. Rounding leaves an error in a mean that is
    large beside the row's spread, and it comes back as the mean of the deviations, so it can be taken out again: rows
    with a large offset keep their digits.
    """
    inside = columns < width
    mean = tl.sum(tl.where(inside, row, 0.0), axis=0) / width
    deviation = tl.where(inside, row - mean, 0.0)
    shift = tl.sum(deviation, axis=0) / width
    variance = tl.sum(deviation * deviation, axis=0) / width - shift * shift
    scale = tl.math.rsqrt(tl.maximum(variance, 0.0) + eps)
    factor = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    offset = tl.load(bias + columns, mask=inside, other=0.0).to(tl.float32)
    return (deviation - shift) * scale * factor + offset
