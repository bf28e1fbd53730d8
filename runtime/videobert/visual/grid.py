"""The grid that the clips of a video lie on, and the steps in which a percentile is told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

# What clips and tokens are held to, in memory and in a file.
LONGEST_CLIP_S = 86_400
MOST_PADDED_FRAMES = 1024


def on_grid(first_s: float, index: Any, clip_s: Fraction) -> tuple[Any, Any]:
    """Start and end of clips that follow each other without a gap.

    A time depends on the number of the clip alone, so that every stride gives the same ones.

    Args:
        first_s: start of clip 0.
        index: number of the clip, counted before the stride picks: a whole number or int64 of any shape.
        clip_s: length of a clip.
    """
    above, below = clip_s.numerator, clip_s.denominator
    return first_s + index * above / below, first_s + (index + 1) * above / below


def in_half_points(percentiles: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Percentiles rounded to half points: the steps that a token file can hold."""
    rounded = np.round(np.asarray(percentiles, np.float64) * 2) / 2
    return rounded.astype(np.float32)
