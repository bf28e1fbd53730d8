"""The recipe's picture transform in float64 numpy, written for reading: what every shipped path is compared with.

Planes go in as stored, an RGB picture comes out: resize each plane with the triangle filter, convert colour, round
once, rotate, crop. Nothing here is shared with the package.
"""

from __future__ import annotations

import numpy as np

# Luma weights (red, blue) of ITU-R BT.601-7, BT.709-6 and BT.2020-2.
LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
# Offset of the first sample of a plane from the picture's edge, in samples of that plane.
CENTRE = 0.5
LEFT = 0.25  # co-sited with the first of two luma samples


def triangle_weights(n_in: int, n_out: int, offset: float = CENTRE) -> np.ndarray:
    """float64 `(n_out, n_in)`: row j holds what output sample j takes from each input sample."""
    scale = n_in / n_out
    reach = max(scale, 1.0)
    weights = np.zeros((n_out, n_in))
    for j in range(n_out):
        centre = (j + 0.5) * scale - offset
        for i in range(int(np.floor(centre - reach)), int(np.ceil(centre + reach)) + 1):
            # A sample beyond the edge is the edge's own.
            weights[j, min(max(i, 0), n_in - 1)] += max(0.0, 1.0 - abs(i - centre) / reach)
    return weights / weights.sum(axis=1, keepdims=True)


def resize_plane(
    plane: np.ndarray, height: int, width: int, offset_y: float = CENTRE, offset_x: float = CENTRE
) -> np.ndarray:
    """float64 `(height, width)`."""
    rows = triangle_weights(plane.shape[0], height, offset_y)
    columns = triangle_weights(plane.shape[1], width, offset_x)
    return rows @ plane.astype(np.float64) @ columns.T


def yuv_to_rgb(y: np.ndarray, u: np.ndarray, v: np.ndarray, matrix: str, full_range: bool, bits: int) -> np.ndarray:
    """float64 `(height, width, 3)` in 0…255, not rounded, not clipped."""
    unit = 2.0 ** (bits - 8)
    if full_range:
        top = 2.0**bits - 1
        luma, blue, red = y / top, (u - 128 * unit) / top, (v - 128 * unit) / top
    else:
        luma = (y - 16 * unit) / (219 * unit)
        blue, red = (u - 128 * unit) / (224 * unit), (v - 128 * unit) / (224 * unit)
    k_red, k_blue = LUMA_WEIGHTS[matrix]
    r = luma + 2 * (1 - k_red) * red
    b = luma + 2 * (1 - k_blue) * blue
    g = (luma - k_red * r - k_blue * b) / (1 - k_red - k_blue)
    return 255 * np.stack([r, g, b], axis=-1)


def output_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """(width, height) with the shorter side `short_side`, the longer rounded to nearest, halves up."""
    short = min(width, height)
    return tuple((2 * side * short_side + short) // (2 * short) for side in (width, height))


def finish(rgb: np.ndarray, rotation: int, crop: int) -> np.ndarray:
    """uint8 `(crop, crop, 3)`: rounded once, turned clockwise by `rotation` degrees, cropped at the centre."""
    picture = np.clip(np.floor(rgb + 0.5), 0, 255).astype(np.uint8)
    picture = np.rot90(picture, -rotation // 90)
    top, left = (picture.shape[0] - crop) // 2, (picture.shape[1] - crop) // 2
    return picture[top : top + crop, left : left + crop]


def transform_yuv(
    planes: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    short_side: int,
    crop: int,
    matrix: str,
    full_range: bool = False,
    bits: int = 8,
    siting: str = "left",
    rotation: int = 0,
) -> np.ndarray:
    """uint8 `(crop, crop, 3)` of Y, U and V planes as stored; `siting` is of subsampled chroma: left or centre."""
    y, u, v = planes
    width, height = output_size(y.shape[1], y.shape[0], short_side)
    offset_x = LEFT if siting == "left" and u.shape[1] < y.shape[1] else CENTRE
    resized = resize_plane(y, height, width), *(resize_plane(p, height, width, CENTRE, offset_x) for p in (u, v))
    return finish(yuv_to_rgb(*resized, matrix, full_range, bits), rotation, crop)


def transform_rgb(picture: np.ndarray, *, short_side: int, crop: int, rotation: int = 0) -> np.ndarray:
    """uint8 `(crop, crop, 3)` of a uint8 `(height, width, 3)` RGB picture."""
    width, height = output_size(picture.shape[1], picture.shape[0], short_side)
    resized = np.stack([resize_plane(picture[..., c], height, width) for c in range(3)], axis=-1)
    return finish(resized, rotation, crop)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels of two uint8 pictures."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
