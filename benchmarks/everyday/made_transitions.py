"""Which transitions are found where the network for shots is asked by rule, and which where it is always asked: `python
benchmarks/everyday/made_transitions.py FILMS.json MODEL OUT.json`.

Two stretches of different films are joined by transitions of known kinds at a known place. Each is looked for in three
ways: with the network asked about every window; as the model does, which asks where plain hard cuts do not explain what
changes: frames that are far apart differ much, or less and one between them is a mixture of both; and by the rule
without mixtures, which asks wherever they differ by 24 levels. Of each film as it is, the windows that are asked about
are counted. MODEL is a folder of `videobert get everyday`. After --seconds it stops; the next run goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from films import check, read

from videobert import load
from videobert.base.errors import VideoBertError
from videobert.base.limits import Limits
from videobert.bench.environment import environment
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import SHOT_FRAMES
from videobert.pipeline import cut_detectors
from videobert.pipeline.cut_detectors import NetworkCuts
from videobert.video.small_frames import small_frames

Frames = npt.NDArray[np.uint8]
Network = Callable[[Frames], npt.NDArray[np.float32]]

MOST_FRAMES, SIDE = 300, 60
TRIALS, SEED = 60, 0
# Frames that show both films; those of a fade go to black and come from it, in a wipe the second film comes in from
# the left.
KINDS = {
    "hard cut": 0,
    "dissolve of 4": 4,
    "dissolve of 12": 12,
    "dissolve of 18": 18,
    "dissolve of 25": 25,
    "fade": 24,
    "wipe of 12": 12,
    "wipe of 25": 25,
}
WITHOUT_MIXTURES = 24.0
RATE = 25
# Frames that a found cut may lie beside its transition.
NEAR = 2


@contextmanager
def always() -> Iterator[None]:
    """While it lasts, the network is asked about every window."""
    kept = cut_detectors._is_explained
    cut_detectors._is_explained = lambda window, cuts: False
    try:
        yield
    finally:
        cut_detectors._is_explained = kept


@contextmanager
def by_rule() -> Iterator[None]:
    """The network is asked as it is in the model."""
    yield


@contextmanager
def without_mixtures() -> Iterator[None]:
    """While it lasts, frames far apart are asked about by how much they differ alone."""
    kept = cut_detectors._APART_CHANGED, cut_detectors._MIXED_CHANGED
    cut_detectors._APART_CHANGED = cut_detectors._MIXED_CHANGED = WITHOUT_MIXTURES
    try:
        yield
    finally:
        cut_detectors._APART_CHANGED, cut_detectors._MIXED_CHANGED = kept


WAYS = {"always": always, "by_rule": by_rule, "without_mixtures": without_mixtures}


class Asked:
    """A network that is asked about each window once, and how often it was asked."""

    def __init__(self, network: Network) -> None:
        self._network, self._known = network, dict[bytes, npt.NDArray[np.float32]]()
        self.windows = 0

    def __call__(self, stage: str, **inputs: Any) -> npt.NDArray[np.float32]:
        self.windows += 1
        window = inputs["frames"]
        key = window.tobytes()
        if key not in self._known:
            self._known[key] = self._network(window)
        return self._known[key]


def calm(window: Frames) -> npt.NDArray[np.float32]:
    """In place of the network where only what it is asked about counts: it finds nothing."""
    return np.full((1, SHOT_FRAMES), -9.0, np.float32)


def cuts_of(film: Frames, asked: Asked, least: float) -> list[int]:
    """First frames of shots but the first."""
    detector = NetworkCuts(asked, least, beside=False, cancel=None)
    for number, picture in enumerate(film):
        detector.add(picture, number / RATE)
    return [round(each * RATE) for each in detector.finish()]


def joined(one: Frames, other: Frames, kind: str) -> tuple[Frames, range]:
    """Twice `SIDE` frames, and the places of those that belong to the transition."""
    mixed = KINDS[kind]
    film = np.concatenate([one, other]).astype(np.float64)
    first = SIDE - mixed // 2
    for number in range(mixed):
        place, share = first + number, (number + 1) / (mixed + 1)
        # Each film stands still where it has no frame of its own.
        before, after = one[min(place, SIDE - 1)], other[max(place - SIDE, 0)]
        if kind == "fade":
            film[place] *= abs(2 * share - 1)
        elif kind.startswith("wipe"):
            edge = round(share * film.shape[2])
            film[place] = np.concatenate([after[:, :edge], before[:, edge:]], axis=1)
        else:
            film[place] = (1 - share) * before + share * after
    return film.round().astype(np.uint8), range(first, first + mixed + 1)


def tried(trial: int, films: Sequence[Frames], network: Network, least: float) -> Iterator[tuple[str, Counter[str]]]:
    """Of two films by the number of a trial: what is found of each kind of transition, in each way."""
    random = np.random.default_rng([SEED, trial])
    pair = [films[place] for place in random.choice(len(films), 2, replace=False)]
    one, other = (film[start:][:SIDE] for film in pair for start in [int(random.integers(len(film) - SIDE + 1))])
    for kind in KINDS:
        film, transition = joined(one, other, kind)
        near = range(transition.start - NEAR, transition.stop + NEAR)
        asked, counts = Asked(network), Counter(trials=1)
        found = {}
        for name, way in WAYS.items():
            asked.windows = 0
            with way():
                cuts = cuts_of(film, asked, least)
            found[name] = any(cut in near for cut in cuts)
            elsewhere = sum(cut not in near for cut in cuts)
            counts.update(
                {f"found_{name}": found[name], f"elsewhere_{name}": elsewhere, f"windows_asked_{name}": asked.windows}
            )
        counts.update(lost_by_rule=found["always"] and not found["by_rule"])
        yield kind, counts


def whole_films(films: Sequence[Frames]) -> dict[str, int]:
    """How many windows of films as they are the network is asked about."""
    counts = {"films": len(films), "frames": sum(map(len, films))}
    for name, way in WAYS.items():
        asked = Asked(calm)
        with way():
            for film in films:
                cuts_of(film, asked, 0.5)
        counts[f"windows_asked_{name}"] = asked.windows
    return counts


def main() -> None:
    """Read the arguments, compare, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, help="where the films lie; beside the manifest by default")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop then; the next run goes on")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    films: list[Frames] = []
    for film in read(given.films, given.folder).films:
        check(film)
        try:
            small = small_frames(film.path, Recipe(), limits=Limits())
            films.append(np.stack([picture for picture, _ in islice(small, MOST_FRAMES)]))
        except VideoBertError:
            print("left out", film.title, flush=True)
    result = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    result["as_they_are"] = result.get("as_they_are") or whole_films(films)
    counts = {row["kind"]: Counter({k: n for k, n in row.items() if k != "kind"}) for row in result.get("kinds", [])}
    long = [film for film in films if len(film) >= SIDE]
    with load(given.model) as model:
        shots = model.config.shots
        assert shots is not None, "this model has no network for shots"

        def network(window: Frames) -> npt.NDArray[np.float32]:
            return np.asarray(model._opened.run(cut_detectors.SHOT_BOUNDARIES, frames=window), np.float32)

        for trial in range(counts["hard cut"]["trials"] if counts else 0, TRIALS):
            for kind, found in tried(trial, long, network, shots.probability_at_least):
                counts.setdefault(kind, Counter()).update(found)
            print(trial, {kind: each["lost_by_rule"] for kind, each in counts.items()}, flush=True)
            if time.monotonic() > end:
                break
    result["environment"] = environment("openvino", "numpy", "av")
    result["kinds"] = [{"kind": kind, **each} for kind, each in counts.items()]
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
