"""Which window of a stored picture becomes the square of a clip, and what is done to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.base.errors import LimitExceeded
from videobert.model.recipe import Recipe
from videobert.video.decoders.dali.colour import from_luma_and_chroma
from videobert.video.picture.orientation import Orientation
from videobert.video.picture.pixel_layout import layout_of
from videobert.video.picture.siting import ChromaSiting
from videobert.video.picture.transform import resized_size


@dataclass(frozen=True, slots=True)
class Shape:
    """What a graph is built for: streams of one shape can share a batch.

    Args:
        crop: side of the square, pixels.
        shifted: whether chroma lies elsewhere than DALI puts it.
        turn: the display orientation.
    """

    crop: int
    shifted: bool
    turn: Orientation


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """What a graph is told of each stream.

    Args:
        window: float32 `(2, 2)`, first and last corner (y, x) of the window in the stored picture, in pixels.
        shift: float32 `(2,)`, how much further (y, x) chroma is to be read than DALI put it, in pixels.
        luma, chroma: float32 `(3, 3)`, see `from_luma_and_chroma`.
    """

    window: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    luma: npt.NDArray[np.float32]
    chroma: npt.NDArray[np.float32]


def chroma_shift(pixel_format: str, siting: ChromaSiting) -> tuple[float, float]:
    """(y, x) in pixels: DALI takes a chroma sample to lie in the middle of the pixels that share it."""
    layout = layout_of(pixel_format)
    x, y = layout.chroma_shift if layout is not None else (0, 0)
    return ((1 << y) - 1) * (0.5 - siting.y), ((1 << x) - 1) * (0.5 - siting.x)


def geometry(
    width: int,
    height: int,
    matrix: str,
    shift: tuple[float, float],
    turn: Orientation,
    recipe: Recipe,
    max_side_px: int,
) -> Geometry:
    """The recipe's resize, rotation and crop as one window: the filter is linear, so cropping may come first.

    Raises:
        LimitExceeded: the resized picture would be longer than `max_side_px`.
    """
    wide, high = resized_size(width, height, recipe.short_side)
    if max(wide, high) > max(max_side_px, recipe.short_side):
        raise LimitExceeded(
            f"the picture is too long and thin: resized it would be {wide}x{high}",
            seen=f"{width}x{height}",
            allowed=f"sides of up to {max_side_px} pixels, after resizing too",
            fix="Crop the video, or raise Limits(max_side_px=…).",
            fix_cli="Crop the video, or raise --max-side-px.",
        )
    shown_wide, shown_high = (high, wide) if turn.swap else (wide, high)
    left, top = (shown_wide - recipe.crop) // 2, (shown_high - recipe.crop) // 2
    # Back through the turn: flips first, then the swap of the axes.
    left = shown_wide - recipe.crop - left if turn.flip_x else left
    top = shown_high - recipe.crop - top if turn.flip_y else top
    left, top = (top, left) if turn.swap else (left, top)
    scale = np.array([height / high, width / wide])
    corner = np.array([top, left])
    window = np.stack([corner, corner + recipe.crop]) * scale
    luma, chroma = from_luma_and_chroma(matrix)
    return Geometry(window.astype(np.float32), np.array(shift, np.float32), luma, chroma)
