"""Ranked answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import whole


def check_top(top: int) -> int:
    """The number of answers asked for; one that makes no sense is refused."""
    return whole("top", top, least=1, allowed="1 or more", fix="1 gives the best answer only.")


def best(scores: npt.NDArray[np.floating], top: int) -> list[int]:
    """Indices of the `top` highest finite scores, best first, ties to the lowest index."""
    order = np.argsort(-scores, kind="stable")[:top]
    return [int(index) for index in order if np.isfinite(scores[index])]
