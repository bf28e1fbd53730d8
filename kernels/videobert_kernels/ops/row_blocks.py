"""Block and warps of kernels that hold one row of states in registers."""

from __future__ import annotations

from videobert_kernels.errors import KernelError

# Columns a program holds -> its warps. From 4,096 columns on a thread holds 8 values or more, still far from spilling.
WARPS = {128: 1, 256: 1, 512: 2, 1024: 4, 2048: 8, 4096: 16}
LARGEST_WIDTH = max(WARPS)


def block_for(width: int) -> int:
    """The smallest block that holds a row.

    Raises:
        KernelError: the row is empty or wider than any block.
    """
    if not 0 < width <= LARGEST_WIDTH:
        raise KernelError("the width is out of range", seen=width, allowed=f"1 to {LARGEST_WIDTH}")
    return next(block for block in WARPS if block >= width)


def widths_of(block: int) -> range:
    """The widths that `block_for` gives this block."""
    smaller = max((other for other in WARPS if other < block), default=0)
    return range(smaller + 1, block + 1)
