"""Ranked answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.errors import UsageError


def check_top(top: int) -> None:
    """Refuse a number of answers that makes no sense."""
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise UsageError("top is out of range", seen=top, allowed="1 or more", fix="1 gives the best answer only.")


def best(scores: npt.NDArray[np.floating], top: int) -> list[int]:
    """Indices of the `top` highest finite scores, best first, ties to the lowest index."""
    order = np.argsort(-scores, kind="stable")[:top]
    return [int(index) for index in order if np.isfinite(scores[index])]
