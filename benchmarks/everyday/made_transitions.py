"""Which transitions the network for shots is shown, or are found without it: `python
benchmarks/everyday/made_transitions.py FILMS.json OUT.json`.

Two stretches of different films are joined by a transition of a known kind and place. It is noticed if it is found as a
plain hard cut, or if the network is asked about a window whose middle it lies in. Frames that are far apart are asked
about where they differ much, or less and one between them is a mixture of both; beside it stands the rule without
mixtures, which asks wherever they differ by 24 levels. The network itself is not needed. Of each film as it is, the
windows that either rule asks about are counted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from films import check, read

from videobert.base.errors import VideoBertError
from videobert.base.limits import Limits
from videobert.bench.environment import environment
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import SHOT_FRAMES
from videobert.pipeline import cut_detectors
from videobert.pipeline.cut_detectors import NetworkCuts
from videobert.video.small_frames import small_frames

Frames = npt.NDArray[np.uint8]

MOST_FRAMES, SIDE = 300, 60
TRIALS, SEED = 150, 0
# Frames that are mixtures; those of a fade go to black and come from it.
KINDS = {
    "hard cut": 0,
    "dissolve of 4": 4,
    "dissolve of 12": 12,
    "dissolve of 18": 18,
    "dissolve of 25": 25,
    "fade": 24,
}
WITHOUT_MIXTURES = 24.0
RATE = 25


class Windows:
    """In place of the network: keeps the middles of the windows that it is asked about, and finds nothing."""

    def __init__(self) -> None:
        self.frame = 0
        self.middles: list[range] = []

    def __call__(self, stage: str, **inputs: Any) -> npt.NDArray[np.float32]:
        first = self.frame + 1 - SHOT_FRAMES + SHOT_FRAMES // 4
        self.middles.append(range(first, first + SHOT_FRAMES - 2 * (SHOT_FRAMES // 4)))
        return np.full((1, SHOT_FRAMES), -9.0, np.float32)


@contextmanager
def without_mixtures() -> Iterator[None]:
    """While it lasts, frames far apart are asked about by how much they differ alone."""
    kept = cut_detectors._APART_CHANGED, cut_detectors._MIXED_CHANGED
    cut_detectors._APART_CHANGED = cut_detectors._MIXED_CHANGED = WITHOUT_MIXTURES
    try:
        yield
    finally:
        cut_detectors._APART_CHANGED, cut_detectors._MIXED_CHANGED = kept


def looked_at(film: Frames) -> tuple[list[range], list[int]]:
    """The middles of the windows that are asked about, and the cuts that are found without."""
    windows = Windows()
    detector = NetworkCuts(windows, 0.5, beside=False, cancel=None)
    for windows.frame, picture in enumerate(film):
        detector.add(picture, windows.frame / RATE)
    return windows.middles, [round(time * RATE) for time in detector.finish()]


def joined(one: Frames, other: Frames, kind: str) -> tuple[Frames, range]:
    """Twice `SIDE` frames, and the places of those that belong to the transition."""
    mixed = KINDS[kind]
    film = np.concatenate([one, other]).astype(np.float64)
    first = SIDE - mixed // 2
    for number in range(mixed):
        place, share = first + number, (number + 1) / (mixed + 1)
        if kind == "fade":
            film[place] *= abs(2 * share - 1)
        else:
            # Each film stands still where it has no frame of its own.
            film[place] = (1 - share) * one[min(place, SIDE - 1)] + share * other[max(place - SIDE, 0)]
    return film.round().astype(np.uint8), range(first, first + mixed + 1)


def is_noticed(film: Frames, transition: range) -> bool:
    """Whether a window's middle reaches the transition, or a cut lies in it."""
    middles, cuts = looked_at(film)
    return any(set(middle) & set(transition) for middle in middles) or any(cut in transition for cut in cuts)


def main() -> None:
    """Read the arguments, compare, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, help="where the films lie; beside the manifest by default")
    given = parser.parse_args()
    films: list[Frames] = []
    for film in read(given.films, given.folder).films:
        check(film)
        try:
            small = small_frames(film.path, Recipe(), limits=Limits())
            films.append(np.stack([picture for picture, _ in islice(small, MOST_FRAMES)]))
        except VideoBertError:
            print("left out", film.title, flush=True)
    asked = sum(len(looked_at(film)[0]) for film in films)
    with without_mixtures():
        asked_without = sum(len(looked_at(film)[0]) for film in films)
    long = [film for film in films if len(film) >= 2 * SIDE]
    random = np.random.default_rng(SEED)
    rows = []
    for kind in KINDS:
        with_mixtures = without = 0
        for _ in range(TRIALS):
            one, other = (long[place] for place in random.choice(len(long), 2, replace=False))
            starts = random.integers(0, [len(one) - SIDE, len(other) - SIDE])
            film, transition = joined(one[starts[0] :][:SIDE], other[starts[1] :][:SIDE], kind)
            with_mixtures += is_noticed(film, transition)
            with without_mixtures():
                without += is_noticed(film, transition)
        rows.append({"kind": kind, "noticed": with_mixtures, "noticed_without_mixtures": without})
        print(rows[-1], flush=True)
    result = {
        "environment": environment("numpy", "av"),
        "films": len(films),
        "frames": sum(map(len, films)),
        "windows_asked": asked,
        "windows_asked_without_mixtures": asked_without,
        "transitions_of_a_kind": TRIALS,
        "transitions": rows,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
