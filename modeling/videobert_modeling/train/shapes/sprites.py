"""The object of a scene as a picture with transparency: a coloured shape with an outline and a face."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from videobert_modeling.train.shapes.world import Scene

RGB: dict[str, tuple[int, int, int]] = {
    "red": (215, 30, 35),
    "green": (35, 165, 55),
    "blue": (35, 75, 215),
    "yellow": (242, 208, 35),
    "purple": (155, 50, 180),
    "white": (242, 242, 242),
}

_OVERSAMPLING = 3
_SHIFT = 4  # fractional bits of drawing coordinates
# Centre (x, y, down is positive) and size of the face in units of the shape's radius.
_FACES = {
    "circle": (0.0, 0.0, 1.0),
    "square": (0.0, 0.0, 1.0),
    "triangle": (0.0, 0.3, 0.78),
    "star": (0.0, 0.06, 0.72),
    "heart": (0.0, -0.12, 0.9),
}


def sprite(rng: np.random.Generator, scene: Scene, size: int) -> npt.NDArray[np.uint8]:
    """The object on a transparent square `(size, size, 4)`, colours multiplied by opacity already."""
    side = size * _OVERSAMPLING
    canvas = np.zeros((side, side, 4), np.uint8)
    outline = (_outline(scene.shape) * 0.94 * side / 2 + side / 2).astype(np.float32)
    points = np.round(outline * 2**_SHIFT).astype(np.int32)
    fill = np.clip(np.asarray(RGB[scene.colour]) * rng.uniform(0.85, 1.06) + rng.uniform(-12, 12, 3), 0, 255)
    dark = rng.random() < 0.75
    edge = rng.uniform(10, 45) if dark else rng.uniform(215, 250)
    cv2.fillPoly(canvas, [points], (*map(float, fill), 255.0), cv2.LINE_AA, _SHIFT)
    thickness = max(1, int(side * rng.uniform(0.015, 0.035)))
    cv2.polylines(canvas, [points], True, (edge, edge, edge, 255.0), thickness, cv2.LINE_AA, _SHIFT)
    light_fill = float(fill @ (0.299, 0.587, 0.114)) > 110
    _draw_face(rng, canvas, scene, rng.uniform(5, 35) if light_fill else rng.uniform(225, 250))
    # The drawing sets colour and opacity together and starts from zero, so area averaging gives premultiplied colour.
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _outline(shape: str) -> npt.NDArray[np.float64]:
    """Corners `(n, 2)` of a shape of radius 1 around the origin, y down."""
    if shape == "square":
        return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.82
    if shape == "triangle":
        return np.array([[0, -0.95], [1, 0.85], [-1, 0.85]])
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    if shape == "heart":
        x = 16 * np.sin(turn) ** 3
        y = -(13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn))
        return np.stack([x, y + 2.5], 1) / 16
    if shape == "star":
        corner = np.arange(10) * np.pi / 5
        radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.5)
        return np.stack([radius * np.sin(corner), -radius * np.cos(corner)], 1)
    return np.stack([np.cos(turn), np.sin(turn)], 1) * 0.95


def _draw_face(rng: np.random.Generator, canvas: npt.NDArray[np.uint8], scene: Scene, tone: float) -> None:
    half = canvas.shape[0] / 2
    x, y, size = _FACES[scene.shape]
    unit = float(half * 0.94 * size)
    centre_x, centre_y = half + x * half, half + y * half
    ink = (tone, tone, tone, 255.0)
    one = 2**_SHIFT

    def at(u: float, v: float) -> tuple[int, int]:
        return round((centre_x + u * unit) * one), round((centre_y + v * unit) * one)

    def length(u: float) -> int:
        return round(float(u * unit * one))

    apart, eye = rng.uniform(0.26, 0.34), rng.uniform(0.09, 0.13)
    for side in (-1, 1):
        cv2.ellipse(
            canvas, at(side * apart, -0.22), (length(eye), length(eye * 1.25)), 0, 0, 360, ink, -1, cv2.LINE_AA, _SHIFT
        )
    thickness = max(1, int(unit * rng.uniform(0.1, 0.15)))
    wide, deep = rng.uniform(0.34, 0.44), rng.uniform(0.22, 0.32)
    if scene.mood == "neutral":
        cv2.line(canvas, at(-wide, 0.3), at(wide, 0.3), ink, thickness, cv2.LINE_AA, _SHIFT)
        return
    happy = scene.mood == "happy"
    start, stop, v = (10, 170, 0.15) if happy else (190, 350, 0.45)
    cv2.ellipse(canvas, at(0, v), (length(wide), length(deep)), 0, start, stop, ink, thickness, cv2.LINE_AA, _SHIFT)
