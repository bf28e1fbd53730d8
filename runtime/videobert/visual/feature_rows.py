"""Rows of clip features, as a codebook is trained on and a feature file holds: float32, finite and not too large."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError

# Squared distances of 65,536-wide float32 features stay far from overflow below this.
_LARGEST = 1e15


def checked_rows(block: npt.NDArray[np.generic], first: int, of: str = "") -> npt.NDArray[np.float32]:
    """Rows `(n, D)` of any floating-point type as float32, which is what is computed with.

    Args:
        first: the number of the block's first row, and
        of: what it is a row of, such as " of clips.safetensors", for the error.

    Raises:
        InputError: a value is NaN, infinite or beyond 1e15.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # float64 beyond float32 becomes infinite, and is refused so
        rows = np.ascontiguousarray(block, np.float32)
    # In float32: no float16 is as large as the limit, which would become infinite itself.
    wrong = ~(np.abs(rows) <= np.float32(_LARGEST))
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"feature row {first + row}{of} holds a value that cannot be clustered (column {column})",
            seen=float(block[row, column]),
            allowed=f"finite numbers up to {_LARGEST:g} in size",
            fix="Drop that row, or find out why the backbone gave it.",
        )
    return rows
