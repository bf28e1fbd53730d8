"""Long films of the world `shapes` in which a few scenes come back and others come once: what summaries are held to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens
from videobert_modeling.train.shapes.media import SUFFIXES, write_film
from videobert_modeling.train.shapes.world import ATTRIBUTES, HELD_OUT_BACKGROUNDS, Event, Film, Scene, SceneSampler

_COMMON_EVENTS = 16
_WIDTH, _HEIGHT, _QUALITY = 320, 240, 26


class MadeFilm(NamedTuple):
    """A film, and which of its scenes come once."""

    film: Film
    rare: tuple[Event, ...]


def made_films(count: int, seed: int) -> list[MadeFilm]:
    """Films of 75 to 100 s: two or three scenes of 4.5 or 6 s that come back, and one or two of 3 s that come once.

    Of every second film the rare scenes differ from a common one in one attribute alone.
    """
    return [_made(np.random.default_rng([seed, 11, number]), number) for number in range(count)]


def tokens_of(model: Runtime, films: list[MadeFilm], folder: Path) -> Iterator[tuple[Path, VisualTokens]]:
    """Each film as a file and its tokens; what is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, made in enumerate(films):
        path = folder / f"{number:04d}{SUFFIXES[made.film.codec]}"
        if not path.exists():
            write_film(made.film, folder, f".{path.stem}").rename(path)
        saved = path.with_suffix(".vbt")
        if not saved.exists():
            model.tokens(path).save(saved)
        yield path, VisualTokens.load(saved)


def _made(rng: np.random.Generator, number: int) -> MadeFilm:
    deal = SceneSampler(rng, "seen")
    common = [deal() for _ in range(2 + number % 2)]
    rare = [_near(rng, common[0]) if number % 4 < 2 else deal() for _ in range(1 + number // 2 % 2)]
    rare = [scene for place, scene in enumerate(rare) if scene not in (*common, *rare[:place])]
    rows = [(common[place % len(common)], float(rng.choice((4.5, 6.0)))) for place in range(_COMMON_EVENTS)]
    rows = [rows[place] for place in rng.permutation(len(rows))]
    for scene in rare:
        rows.insert(int(rng.integers(1, len(rows))), (scene, 3.0))
    events, start_s = [], 0.0
    for scene, seconds in rows:
        events.append(Event(scene, start_s, start_s + seconds))
        start_s += seconds
    seed = int(rng.integers(2**31))
    film = Film(tuple(events), _WIDTH, _HEIGHT, Fraction(25), "libx264", _QUALITY, HELD_OUT_BACKGROUNDS, seed)
    return MadeFilm(film, tuple(event for event in events if event.scene in rare))


def _near(rng: np.random.Generator, scene: Scene) -> Scene:
    """A scene that training shows and that differs in one attribute."""
    while True:
        name = str(rng.choice(list(ATTRIBUTES)))
        other = replace(scene, **{name: str(rng.choice(ATTRIBUTES[name]))})
        if other != scene and not other.held_out:
            return other
