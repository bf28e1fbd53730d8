"""Frames of a film: the object of each event over its background, with camera shake, light changes and sensor noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from videobert_modeling.train.shapes.backgrounds import background
from videobert_modeling.train.shapes.sprites import RGB, sprite
from videobert_modeling.train.shapes.world import Event, Film, Scene

Picture = npt.NDArray[np.uint8]
_MARGIN = 0.06  # room around the picture for camera shake, in units of its shorter side


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the object is: offsets and diameter in units of the picture's shorter side, turn in radians."""

    x: float
    y: float
    turn: float
    diameter: float
    opacity: float


class Motion:
    """The pose of an object over the time of one event; `diameter` is never below a third of the shorter side."""

    def __init__(self, rng: np.random.Generator, kind: str, duration_s: float) -> None:
        self._kind = kind
        self._duration_s = duration_s
        self._tilt = rng.uniform(-0.17, 0.17)
        self._phase = rng.uniform(0, 1)
        self._sign = rng.choice((-1.0, 1.0))
        travels = kind in ("slides", "bounces")
        self._diameter = rng.uniform(0.42, 0.6) if travels else rng.uniform(0.45, 0.78)
        room = max(0.02, 0.46 - self._diameter / 2) if not travels else 0.05
        self._x, self._y = rng.uniform(-room, room, 2) * 0.6
        self._drift = rng.uniform(-0.01, 0.01, 2)
        self._rate, self._reach = 0.0, 0.0
        if kind == "slides":
            self._reach, speed = rng.uniform(0.17, 0.26), rng.uniform(0.2, 0.45)
            self._rate = speed / (4 * self._reach)
            self._y = rng.uniform(-0.12, 0.12)
        elif kind == "spins":
            self._rate = rng.uniform(0.35, 1.0)
        elif kind == "bounces":
            self._reach, self._rate = rng.uniform(0.16, 0.27), rng.uniform(1.1, 2.0)
            self._y = self._reach / 2 + rng.uniform(-0.04, 0.04)
        elif kind == "blinks":
            self._rate, self._reach = rng.uniform(1.1, 2.2), rng.uniform(0.4, 0.6)
        elif kind in ("grows", "shrinks"):
            # Long events take wider sizes, so that every clip of 1.5 s shows the change.
            self._small = rng.uniform(0.36, 0.42)
            self._large = min(0.98, self._small * rng.uniform(1.3, 1.6) ** (max(1.5, duration_s) / 1.5))
            self._x, self._y = rng.uniform(-0.05, 0.05, 2)

    def __call__(self, time_s: float) -> Pose:
        """The pose `time_s` seconds into the event."""
        x, y, turn, diameter, opacity = self._x, self._y, self._tilt, self._diameter, 1.0
        x, y = x + self._drift[0] * time_s, y + self._drift[1] * time_s
        cycle = self._rate * time_s + self._phase
        if self._kind == "slides":
            x += self._sign * self._reach * (4 * abs(cycle % 1 - 0.5) - 1)
        elif self._kind == "spins":
            turn += self._sign * 2 * math.pi * cycle
        elif self._kind == "bounces":
            y -= self._reach * abs(math.sin(math.pi * cycle))
        elif self._kind == "blinks":
            # On, off, with flanks of a tenth of a cycle.
            opacity = min(1.0, max(0.0, 0.5 + 10 * (self._reach - abs((cycle % 1) - 0.5) * 2) / 2))
        elif self._kind in ("grows", "shrinks"):
            done = min(1.0, time_s / self._duration_s)
            done = done if self._kind == "grows" else 1 - done
            diameter = self._small * (self._large / self._small) ** done
        return Pose(x, y, turn, diameter, opacity)

    @property
    def largest(self) -> float:
        """Largest diameter over the event."""
        return self._large if self._kind in ("grows", "shrinks") else self._diameter


class Stage:
    """One event, ready to be drawn at any of its times."""

    def __init__(self, rng: np.random.Generator, film: Film, event: Event) -> None:
        self._size = (film.width, film.height)
        self._unit = min(film.width, film.height)
        margin = math.ceil(_MARGIN * self._unit)
        kind = film.backgrounds[rng.integers(len(film.backgrounds))]
        colour = RGB[event.scene.colour]
        self._wide = background(rng, kind, film.width + 2 * margin, film.height + 2 * margin, colour)
        self._motion = Motion(rng, event.scene.motion, event.end_s - event.start_s)
        self._sprite = sprite(rng, event.scene, max(16, math.ceil(self._motion.largest * self._unit)))
        self._shake = rng.uniform(0, 0.012) * (rng.random() < 0.7)
        self._shake_rates, self._shake_phases = rng.uniform(0.4, 3.0, 4), rng.uniform(0, 6.28, 4)
        self._margin = margin
        self._sink = rng.uniform(0.85, 1.1)
        self._flicker = rng.uniform(0, 0.04) * (rng.random() < 0.3)
        sigma = rng.uniform(0, 7) * (rng.random() < 0.6)
        grain = rng.normal(0, sigma, (film.height + 16, film.width + 16, 1)) if sigma else None
        self._grain = None if grain is None else np.repeat(grain.astype(np.int16), 3, axis=2)
        self._rng = rng

    def draw(self, time_s: float) -> Picture:
        """The picture `(height, width, 3)` at `time_s` seconds into the event."""
        waves = np.sin(self._shake_rates * 6.28 * time_s + self._shake_phases) * self._shake * self._unit
        shift_x, shift_y = float(waves[0] + waves[1]), float(waves[2] + waves[3])
        picture = self._crop_background(shift_x, shift_y)
        self._paste(picture, self._motion(time_s), shift_x, shift_y)
        gain = self._sink * (1 + self._flicker * math.sin(17 * time_s))
        if self._grain is not None or gain != 1:
            picture = self._develop(picture, gain)
        return picture

    def pose(self, time_s: float) -> Pose:
        """The object's pose, camera shake apart."""
        return self._motion(time_s)

    def _crop_background(self, shift_x: float, shift_y: float) -> Picture:
        matrix = np.array([[1, 0, shift_x - self._margin], [0, 1, shift_y - self._margin]], np.float64)
        return cv2.warpAffine(
            self._wide, matrix, self._size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.uint8, copy=False)

    def _paste(self, picture: Picture, pose: Pose, shift_x: float, shift_y: float) -> None:
        if pose.opacity <= 0:
            return
        width, height = self._size
        side = self._sprite.shape[0]
        radius = pose.diameter * self._unit * 0.75 + 2  # corners of a turned square reach beyond the radius
        centre_x = width / 2 + pose.x * self._unit + shift_x
        centre_y = height / 2 + pose.y * self._unit + shift_y
        left, top = max(0, math.floor(centre_x - radius)), max(0, math.floor(centre_y - radius))
        right, bottom = min(width, math.ceil(centre_x + radius)), min(height, math.ceil(centre_y + radius))
        if right <= left or bottom <= top:
            return
        scale = pose.diameter * self._unit / side
        c, s = scale * math.cos(pose.turn), scale * math.sin(pose.turn)
        half = (side - 1) / 2
        matrix = np.array(
            [[c, -s, centre_x - left - c * half + s * half], [s, c, centre_y - top - s * half - c * half]], np.float64
        )
        layer = cv2.warpAffine(self._sprite, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        if pose.opacity < 1:
            layer = cv2.convertScaleAbs(layer, alpha=pose.opacity)
        region = picture[top:bottom, left:right].astype(np.uint16)
        clear = (255 - layer[..., 3:]).astype(np.uint16)
        picture[top:bottom, left:right] = np.minimum(255, region * clear // 255 + layer[..., :3]).astype(np.uint8)

    def _develop(self, picture: Picture, gain: float) -> Picture:
        bright = cv2.convertScaleAbs(picture, alpha=gain)
        if self._grain is None:
            return bright.astype(np.uint8, copy=False)
        dx, dy = self._rng.integers(0, 16, 2)
        height, width = picture.shape[:2]
        grain = self._grain[dy : dy + height, dx : dx + width]
        return cv2.add(bright, grain, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def frames(film: Film) -> Iterator[Picture]:
    """The pictures `(height, width, 3)`, RGB, of a film at its frame rate."""
    rng = np.random.default_rng(film.seed)
    count = math.ceil(film.duration_s * film.fps - 1e-6)
    stage, current = None, -1
    index = 0
    for number in range(count):
        time_s = float(number / film.fps)
        while index + 1 < len(film.events) and time_s >= film.events[index].end_s - 1e-9:
            index += 1
        event = film.events[index]
        if stage is None or index != current:
            stage, current = Stage(rng, film, event), index
        yield stage.draw(time_s - event.start_s)


def still(rng: np.random.Generator, scene: Scene, size: int, backgrounds: tuple[str, ...]) -> Picture:
    """One square picture `(size, size, 3)` of a scene at a random time of its motion, softened by JPEG compression.

    Half of them are close-ups, from which faces are easier to learn. A scene that blinks may not be there at that time;
    leave those out.
    """
    duration_s = float(rng.uniform(2.0, 6.0))
    time_s = float(rng.uniform(0, duration_s))
    large = int(size * rng.uniform(1.0, 1.8))
    film = Film((Event(scene, 0.0, duration_s),), large, large, Fraction(20), "libx264", 0, backgrounds, 0)
    stage = Stage(rng, film, film.events[0])
    picture = stage.draw(time_s)
    if rng.random() < 0.5:
        picture = _close_up(picture, stage.pose(time_s), rng.uniform(0.8, 1.0))
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
    picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    shrinks = picture.shape[0] >= size
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(
        np.uint8, copy=False
    )


def _close_up(picture: Picture, pose: Pose, share: float) -> Picture:
    """The square around the object in which its diameter is `share` of the side, as far as the picture goes."""
    whole = picture.shape[0]
    side = min(whole, math.ceil(pose.diameter * whole / share))
    left = int(np.clip((0.5 + pose.x) * whole - side / 2, 0, whole - side))
    top = int(np.clip((0.5 + pose.y) * whole - side / 2, 0, whole - side))
    return np.ascontiguousarray(picture[top : top + side, left : left + side])
