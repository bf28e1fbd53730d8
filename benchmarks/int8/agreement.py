"""How many tokens are fp32's, with Wilson's interval, those near a tie apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.pipeline.int8_calibration import NEAR_TIE
from videobert.visual.codebook import Codebook
from videobert.visual.near_ties import NearTies

Features = npt.NDArray[np.float32]


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %; all that is possible where nothing was counted."""
    if count == 0:
        return 0.0, 1.0
    share, square = hits / count, z * z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def counted(hits: int, count: int) -> dict[str, Any]:
    """So many of so many, and the share with its interval."""
    low, high = wilson(hits, count)
    return {"hits": hits, "of": count, "share": hits / max(count, 1), "ci95": [low, high]}


class Judge:
    """Compares features with those of fp32.

    Args:
        codebook: gives tokens; of a classifier the label with the largest logit.
        true: float32 `(windows, dim)`, in fp32.
        labels: of each window the tokens that are right, empty where nobody says.
    """

    def __init__(self, codebook: Codebook, true: Features, labels: Sequence[frozenset[int]]) -> None:
        ties = NearTies(codebook)
        self._codebook, self._true, self._labels = codebook, true, labels
        self._tokens = codebook.assign(true)[0]
        self._margins = np.array([ties.nearest_plane(each).margin for each in true])

    def of(self, found: Features) -> dict[str, Any]:
        """The agreement of other features of the same windows."""
        tokens = self._codebook.assign(found)[0]
        same, sure = tokens == self._tokens, self._margins >= NEAR_TIE
        lengths = np.maximum(np.linalg.norm(self._true, axis=1), np.finfo(np.float32).tiny)
        errors = np.linalg.norm(found - self._true, axis=1) / lengths
        result = {
            "same_token": counted(int(same.sum()), len(same)),
            "same_token_not_near_a_tie": counted(int((same & sure).sum()), int(sure.sum())),
            # How far from a tie, as a share of the feature's length, the surest window lies whose token changed.
            "surest_other_share": float(self._margins[~same].max(initial=0)),
            "median_error": float(np.median(errors)),
            "largest_error": float(errors.max()),
        }
        told = [(int(token), right) for token, right in zip(tokens, self._labels, strict=True) if right]
        if told:
            result["right_label"] = counted(sum(token in right for token, right in told), len(told))
        return result
