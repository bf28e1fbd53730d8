"""Backgrounds of the world `shapes`, by kind; those of training and those kept for evaluation are different kinds."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]
_NEAREST_COLOUR = 95.0  # distance in RGB that a background colour keeps from the object's colour


def background(rng: np.random.Generator, kind: str, width: int, height: int, avoid: tuple[int, int, int]) -> Picture:
    """A picture `(height, width, 3)` of the kind whose main colours keep away from the colour `avoid`."""
    first, second = _colour(rng, avoid), _colour(rng, avoid)
    mix = _KINDS[kind](rng, width, height)[..., None]
    picture = first * (1 - mix) + second * mix
    return np.clip(picture, 0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator, avoid: tuple[int, int, int]) -> _Floats:
    while True:
        grey, spread = rng.uniform(40, 215), rng.uniform(5, 70)
        colour = np.clip(grey + rng.uniform(-spread, spread, 3), 0, 255).astype(np.float32)
        if np.linalg.norm(colour - np.asarray(avoid, np.float32)) > _NEAREST_COLOUR:
            return colour


def _grid(rng: np.random.Generator, width: int, height: int) -> tuple[_Floats, _Floats]:
    """Coordinates in units of the shorter side, turned by a random angle and moved by a random offset."""
    unit = min(width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / unit
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x - s * y + np.float32(rng.uniform(0, 9)), s * x + c * y + np.float32(rng.uniform(0, 9))


def _smooth_noise(rng: np.random.Generator, width: int, height: int, cells: int) -> _Floats:
    small = rng.random((cells, max(2, cells * width // height)), dtype=np.float32)
    large = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.clip(large, 0, 1)


def _flat(rng: np.random.Generator, width: int, height: int) -> _Floats:
    return np.zeros((height, width), np.float32)


def _gradient(rng: np.random.Generator, width: int, height: int) -> _Floats:
    x, _ = _grid(rng, width, height)
    return np.asarray((x - x.min()) / np.ptp(x), np.float32)


def _blobs(rng: np.random.Generator, width: int, height: int) -> _Floats:
    return _smooth_noise(rng, width, height, int(rng.integers(3, 6)))


def _grain(rng: np.random.Generator, width: int, height: int) -> _Floats:
    return _smooth_noise(rng, width, height, int(rng.integers(15, 40)))


def _checker(rng: np.random.Generator, width: int, height: int) -> _Floats:
    x, y = _grid(rng, width, height)
    n = rng.uniform(2, 7)
    return np.asarray((np.floor(x * n) + np.floor(y * n)) % 2 * rng.uniform(0.4, 1), np.float32)


def _stripes(rng: np.random.Generator, width: int, height: int) -> _Floats:
    x, _ = _grid(rng, width, height)
    return np.asarray(np.floor(x * rng.uniform(2, 8)) % 2 * rng.uniform(0.4, 1), np.float32)


def _waves(rng: np.random.Generator, width: int, height: int) -> _Floats:
    x, y = _grid(rng, width, height)
    a, b = rng.uniform(6, 25, 2)
    return np.asarray(0.5 + 0.25 * np.sin(a * x) + 0.25 * np.sin(b * y), np.float32)


def _dots(rng: np.random.Generator, width: int, height: int) -> _Floats:
    x, y = _grid(rng, width, height)
    n, radius = rng.uniform(3, 8), rng.uniform(0.15, 0.35)
    distance = np.hypot((x * n) % 1 - 0.5, (y * n) % 1 - 0.5)
    return np.asarray(np.clip((radius - distance) * 8 + 0.5, 0, 1), np.float32)


def _rings(rng: np.random.Generator, width: int, height: int) -> _Floats:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / min(width, height)
    distance = np.hypot(x - rng.uniform(0, 1.3), y - rng.uniform(0, 1))
    return np.asarray(0.5 + 0.5 * np.sin(distance * rng.uniform(12, 40)), np.float32)


def _clouds(rng: np.random.Generator, width: int, height: int) -> _Floats:
    octaves = [_smooth_noise(rng, width, height, 3 * 2**k) / 2**k for k in range(4)]
    return np.asarray(sum(octaves) / np.float32(1.875), np.float32)


def _bricks(rng: np.random.Generator, width: int, height: int) -> _Floats:
    x, y = _grid(rng, width, height)
    n = rng.uniform(4, 8)
    row = np.floor(y * n)
    across = (x * n / 2 + 0.5 * (row % 2)) % 1
    joint = (across < 0.07) | ((y * n) % 1 < 0.14)
    tone = ((np.floor(x * n / 2 + 0.5 * (row % 2)) * 0.37 + row * 0.61) % 1) * 0.4
    return np.where(joint, 1.0, tone).astype(np.float32)


_KINDS: dict[str, Callable[[np.random.Generator, int, int], _Floats]] = {
    "flat": _flat,
    "gradient": _gradient,
    "blobs": _blobs,
    "grain": _grain,
    "checker": _checker,
    "stripes": _stripes,
    "waves": _waves,
    "dots": _dots,
    "rings": _rings,
    "clouds": _clouds,
    "bricks": _bricks,
}
