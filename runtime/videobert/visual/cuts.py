"""Cuts of a video, as what is saved of it keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np

# More than a day of video has with a cut at every frame.
MOST_CUTS = 4_000_000
CUTS = "rising float64 seconds, or None"


def are_cuts(value: Any) -> bool:
    """Whether something is times at which shots begin: float64 `(n,)`, finite and rising; or None."""
    if value is None:
        return True
    return bool(
        isinstance(value, np.ndarray)
        and value.dtype == np.float64
        and value.ndim == 1
        and len(value) <= MOST_CUTS
        and np.isfinite(value).all()
        and (np.diff(value) > 0).all()
    )
