"""Matrix products of torch in int8 and fp8, with a scale for each row: what an encoder in them could be made of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.case import tiny

# The largest of each that is used.
_LARGEST = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}
# torch's product of int8 takes more rows than these on CUDA.
_INT8_ROWS = 17
_MOST_SHAPES = 64


@dataclass(frozen=True, slots=True)
class Rows:
    """A matrix in int8 or fp8 (e4m3, arXiv 2209.05433).

    Args:
        values: `(rows, width)`.
        scales: float32 `(rows, 1)`; a row times its scale is what it stands for.
    """

    values: Tensor
    scales: Tensor


def quantised(matrix: Tensor, dtype: torch.dtype, *, once: bool = False) -> Rows:
    """Each row with the smallest scale that leaves nothing out; `once` where it is not worth compiling."""
    return Rows(*(_quantise_plainly if once else _fused(_quantise_plainly))(matrix, dtype))


def _quantise_plainly(matrix: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    largest = _LARGEST[dtype]
    scales = matrix.abs().amax(1, keepdim=True).float().clamp_min(1e-12) / largest
    scaled = (matrix.float() / scales).clamp(-largest, largest)
    return (scaled.round() if dtype is torch.int8 else scaled).to(dtype), scales


@functools.cache
def _fused(plain: Callable[..., Any]) -> Callable[..., Any]:
    """One kernel in the place of several, as whoever shipped it would have it."""
    if tiny():
        return plain
    import torch._dynamo.config

    # Each shape and type is compiled for itself; beyond the limit torch would go on without compiling, and say nothing.
    torch._dynamo.config.recompile_limit = _MOST_SHAPES
    return torch.compile(plain, dynamic=False)


def int8_product(left: Rows, right: Rows, bias: Tensor | None = None) -> Tensor:
    """`left @ right.T + bias` in bf16 `(rows of left, rows of right)`, added up in int32."""
    values, scales = left.values, left.scales
    missing = _INT8_ROWS - len(values)
    if missing > 0:
        values = torch.nn.functional.pad(values, (0, 0, 0, missing))
    sums = torch._int_mm(values, right.values.T)[: len(left.values)]
    found: Tensor = _fused(_scale_plainly)(sums, scales, right.scales, bias)
    return found


def _scale_plainly(sums: Tensor, left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    found = sums.float() * left * right.T
    return (found if bias is None else found + bias.float()).bfloat16()


def fp8_product(left: Rows, right: Rows, bias: Tensor | None = None) -> Tensor:
    """`left @ right.T + bias` in bf16 `(rows of left, rows of right)`, added up in fp32, scales in the epilogue."""
    return torch._scaled_mm(
        left.values,
        right.values.T,
        scale_a=left.scales,
        scale_b=right.scales.T.contiguous(),
        bias=bias,
        out_dtype=torch.bfloat16,
    )
