"""The short film that comes with the bundled model."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from videobert_modeling.train.shapes.media import write_film
from videobert_modeling.train.shapes.world import HELD_OUT_BACKGROUNDS, Event, Film, Scene

_SCENES = (
    (Scene("yellow", "star", "happy", "bounces"), 3.0),
    (Scene("blue", "circle", "sad", "slides"), 4.5),
    (Scene("red", "heart", "happy", "grows"), 3.0),
)
_SEED = 4


def demo_film() -> Film:
    """Ten and a half seconds in 480 lines: three scenes over backgrounds that training does not have."""
    events, start = [], 0.0
    for scene, length in _SCENES:
        events.append(Event(scene, start, start + length))
        start += length
    return Film(tuple(events), 854, 480, Fraction(30), "libx264", 28, HELD_OUT_BACKGROUNDS, _SEED)


def write_demo(path: Path) -> None:
    """Writes the film as H.264 in MP4."""
    write_film(demo_film(), path.parent, path.stem)
