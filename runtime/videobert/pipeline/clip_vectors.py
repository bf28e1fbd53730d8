"""Each clip of a video as a vector, so that clips that show the same lie near each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.watched import Watched


class _Scale(NamedTuple):
    """Cosines up to which two clips are nothing alike, and from which they show the same."""

    floor: float
    same: float


# Features of a backbone are sums of what is there, none of it below zero, so any two of them lie within a right angle:
# of I3D's, those of different films had a median of 0.52 and at most 0.66, those of one film a median of 0.78.
_OF_FEATURES = _Scale(0.6, 0.7)
# Seen from the middle of the features that a codebook was clustered on, what differs lies at a right angle or beyond.
# In the world of the bundled model clips of one scene had 0.94 and more, scenes that differ in one of four attributes
# 0.52 to 0.74, and in two at most 0.45.
_AROUND_MIDDLE = _Scale(0.45, 0.75)


class ClipVectors(NamedTuple):
    """Vectors of clips.

    Args:
        rows: float32 `(clips, width)`, each of length one; zeros for a clip that says nothing.
        floor: cosine up to which two of them are nothing alike.
        same: cosine from which they show the same.
    """

    rows: npt.NDArray[np.float32]
    floor: float
    same: float

    @property
    def alike(self) -> float:
        """`same` on the way from `floor`, 0, to 1."""
        return (self.same - self.floor) / (1 - self.floor)


def clip_vectors(opened: OpenedModel, watched: Watched) -> ClipVectors:
    """The clips of a video by their features, or where only tokens are known, by the centroids of those.

    Raises:
        InputError: nothing is known of the clips that the model could compare.
    """
    tokens, middle = watched.tokens, _middle(opened)
    if watched.features is not None:
        rows = watched.features
        if middle is not None:
            rows = rows - middle
    elif tokens is not None:
        leaves = opened.codebook.leaves[:, : opened.codebook.dim]
        # A classifier's leaves are its weights, which lie around their own mean.
        rows = leaves[tokens.ids] - (leaves.mean(axis=0) if middle is None else middle)
        middle = rows
    else:
        raise InputError(
            "nothing is known of these clips that could be compared",
            fix="Give the video itself, or features that `Runtime.features` made of it.",
            fix_cli="Give the video itself, or features saved from it with `videobert features VIDEO --out FILE.vbf`.",
        )
    return ClipVectors(_of_length_one(rows), *(_OF_FEATURES if middle is None else _AROUND_MIDDLE))


def _middle(opened: OpenedModel) -> npt.NDArray[np.float32] | None:
    """The middle of the features that a codebook was clustered on; None without one."""
    if not opened.has_tokens or opened.codebook.lifted:
        return None
    middle: npt.NDArray[np.float32] = opened.codebook.leaves.mean(axis=0)
    return middle


def _of_length_one(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
