"""The world `shapes`: its attributes, the combinations kept out of training, and the sampling of scenes.

A scene is one object with a colour, a shape, a face and a motion. A film is a row of scenes, each an event with a
start and an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
SHAPES = ("circle", "square", "triangle", "star", "heart")
MOODS = ("happy", "sad", "neutral")
MOTIONS = ("slides", "spins", "grows", "shrinks", "bounces", "blinks")
ATTRIBUTES: dict[str, tuple[str, ...]] = {"colour": COLOURS, "shape": SHAPES, "mood": MOODS, "motion": MOTIONS}

Split = Literal["seen", "unseen"]

_HELD_OUT_COUNT = 27  # 15 % of the 6 x 5 x 6 = 180 combinations
_FRAME_RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30))
_TRAIN_SIZES = ((160, 120), (176, 144), (192, 144), (180, 180), (256, 144), (240, 180), (320, 180), (144, 192))
_HELD_OUT_SIZES = ((320, 240), (426, 240), (480, 360), (640, 360), (640, 480), (854, 480), (360, 480))
TRAIN_BACKGROUNDS = ("flat", "gradient", "blobs", "grain", "checker", "stripes")
HELD_OUT_BACKGROUNDS = ("waves", "dots", "rings", "clouds", "bricks")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be seen in one event, in words of `ATTRIBUTES`."""

    colour: str
    shape: str
    mood: str
    motion: str

    @property
    def held_out(self) -> bool:
        """Whether the combination of shape, colour and motion is kept out of every training stage."""
        return (self.colour, self.shape, self.motion) in HELD_OUT

    def labels(self) -> tuple[int, int, int, int]:
        """Indices of colour, shape, mood and motion in `ATTRIBUTES`."""
        colour, shape, mood, motion = (values.index(getattr(self, name)) for name, values in ATTRIBUTES.items())
        return colour, shape, mood, motion


@dataclass(frozen=True, slots=True)
class Event:
    """A scene and the stretch of time that shows it."""

    scene: Scene
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Film:
    """Everything that decides a video: events, picture size, frame rate, compression, backgrounds and a seed.

    Args:
        quality: constant rate factor of the encoder; higher is worse.
    """

    events: tuple[Event, ...]
    width: int
    height: int
    fps: Fraction
    codec: Literal["libx264", "libvpx-vp9"]
    quality: int
    backgrounds: tuple[str, ...]
    seed: int

    @property
    def duration_s(self) -> float:
        """End of the last event."""
        return self.events[-1].end_s


def _choose_held_out() -> frozenset[tuple[str, str, str]]:
    # One colour for each pair of shape and motion, as in a Latin square: every pair of attributes stays in training.
    rng = np.random.default_rng(1904_01766)
    colours, shapes, motions = (rng.permutation(values) for values in (COLOURS, SHAPES, MOTIONS))
    chosen = [
        (str(colours[(s + m) % len(COLOURS)]), str(shape), str(motion))
        for s, shape in enumerate(shapes)
        for m, motion in enumerate(motions)
    ]
    kept = rng.permutation(len(chosen))[:_HELD_OUT_COUNT]
    return frozenset(chosen[i] for i in kept)


HELD_OUT = _choose_held_out()


def combinations(split: Split) -> tuple[tuple[str, str, str], ...]:
    """The (colour, shape, motion) combinations of a split, in a fixed order."""
    return tuple(
        (colour, shape, motion)
        for colour in COLOURS
        for shape in SHAPES
        for motion in MOTIONS
        if ((colour, shape, motion) in HELD_OUT) == (split == "unseen")
    )


class SceneSampler:
    """Scenes of a split, every combination equally often: a shuffled deck that is dealt and shuffled again."""

    def __init__(self, rng: np.random.Generator, split: Split) -> None:
        self._rng = rng
        self._all = [(*c, mood) for c in combinations(split) for mood in MOODS]
        self._deck: list[tuple[str, str, str, str]] = []

    def __call__(self) -> Scene:
        """The next scene."""
        if not self._deck:
            self._deck = [self._all[i] for i in self._rng.permutation(len(self._all))]
        colour, shape, motion, mood = self._deck.pop()
        return Scene(colour, shape, mood, motion)


def training_films(count: int, seed: int) -> list[Film]:
    """Films of seen combinations: two to four events of 3, 4.5 or 6 s; a fifth of them of any length from 2 to 6 s."""
    rng = np.random.default_rng([seed, 1])
    scene = SceneSampler(rng, "seen")
    films = []
    for _ in range(count):
        free = rng.random() < 0.2
        lengths = [
            float(rng.uniform(2.0, 6.0)) if free else float(rng.choice((3.0, 4.5, 6.0), p=(0.6, 0.25, 0.15)))
            for _ in range(int(rng.integers(2, 5)))
        ]
        films.append(_film(rng, [scene() for _ in lengths], lengths, _TRAIN_SIZES, TRAIN_BACKGROUNDS, (20, 36)))
    return films


def held_out_films(count: int, seed: int, split: Split) -> list[Film]:
    """Films of one event of 3 to 6 s each, with backgrounds and sizes that training does not have."""
    rng = np.random.default_rng([seed, 2 if split == "seen" else 3])
    scene = SceneSampler(rng, split)
    return [
        _film(rng, [scene()], [float(rng.choice((3.0, 4.5, 6.0)))], _HELD_OUT_SIZES, HELD_OUT_BACKGROUNDS, (20, 34))
        for _ in range(count)
    ]


def held_out_stories(count: int, seed: int, split: Split, *, any_length: bool) -> list[Film]:
    """Films of three to six events each, with backgrounds and sizes that training does not have.

    Args:
        any_length: events of any length from 2 to 6 s; else of 3, 4.5 or 6 s, as most of training's are.
    """
    rng = np.random.default_rng([seed, 5, split == "seen", any_length])
    scene = SceneSampler(rng, split)
    films = []
    for _ in range(count):
        lengths = [
            float(rng.uniform(2.0, 6.0)) if any_length else float(rng.choice((3.0, 4.5, 6.0), p=(0.6, 0.25, 0.15)))
            for _ in range(int(rng.integers(3, 7)))
        ]
        films.append(_film(rng, [scene() for _ in lengths], lengths, _HELD_OUT_SIZES, HELD_OUT_BACKGROUNDS, (20, 34)))
    return films


def _film(
    rng: np.random.Generator,
    scenes: Sequence[Scene],
    lengths: Sequence[float],
    sizes: Sequence[tuple[int, int]],
    backgrounds: tuple[str, ...],
    quality: tuple[int, int],
) -> Film:
    ends = np.cumsum(lengths)
    events = tuple(
        Event(scene, float(end - length), float(end)) for scene, length, end in zip(scenes, lengths, ends, strict=True)
    )
    width, height = sizes[int(rng.integers(len(sizes)))]
    vp9 = rng.random() < 0.2
    return Film(
        events=events,
        width=width,
        height=height,
        fps=_FRAME_RATES[rng.integers(len(_FRAME_RATES))],
        codec="libvpx-vp9" if vp9 else "libx264",
        quality=int(rng.integers(*quality)) + (8 if vp9 else 0),
        backgrounds=backgrounds,
        seed=int(rng.integers(2**31)),
    )
