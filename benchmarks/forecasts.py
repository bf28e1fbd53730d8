"""How often the bundled model tells the visual tokens that come next, beside what needs no model.

Run as `python benchmarks/forecasts.py OUT.json WORK`; it takes some minutes, most of them for writing and reading
films, which stay in WORK. The films have two to four scenes each, made as those of training are and with another
seed: where a scene ends, what comes next cannot be known. Each clip of each film is the end that is gone on from.
Beside the model stand the last token repeated, and its nearest centroids in the codebook in place of several guesses.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import videobert
from videobert.bench.environment import environment
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens
from videobert_modeling.metrics.proportion import proportion
from videobert_modeling.train.shapes.media import SUFFIXES, write_film
from videobert_modeling.train.shapes.world import Film, training_films

FILMS, SEED = 12, 7001
HORIZONS, TOPS, CONTEXTS = (1, 2, 3), (1, 5, 10), (1, 2, 4)


def tokens_of(model: Runtime, films: list[Film], folder: Path) -> Iterator[VisualTokens]:
    """The tokens of each film; what is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, film in enumerate(films):
        path = folder / f"{number:04d}{SUFFIXES[film.codec]}"
        if not path.exists():
            write_film(film, folder, f".{path.stem}").rename(path)
        saved = path.with_suffix(".vbt")
        if not saved.exists():
            model.tokens(path).save(saved)
        yield VisualTokens.load(saved)


def until(tokens: VisualTokens, clips: int) -> VisualTokens:
    """The first clips of a film."""
    names = ("ids", "start_s", "end_s", "percentiles")
    cut: dict[str, Any] = {name: getattr(tokens, name)[:clips] for name in names}
    return dataclasses.replace(tokens, padded_frames=0, **cut)


def scene_at(film: Film, tokens: VisualTokens, clip: int) -> int:
    """The number of the scene that a clip's middle lies in."""
    middle_s = (tokens.start_s[clip] + tokens.end_s[clip]) / 2
    return sum(event.end_s <= middle_s for event in film.events)


def nearest(model: Runtime) -> npt.NDArray[np.int64]:
    """For each token the nearest centroids to its own, itself first."""
    leaves = model.codebook.leaves.astype(np.float64)
    squared = (leaves**2).sum(1)[:, None] - 2 * leaves @ leaves.T + (leaves**2).sum(1)
    np.fill_diagonal(squared, -1)
    return np.argsort(squared, axis=1, kind="stable")[:, : max(TOPS)]


def measure(work: Path) -> dict[str, Any]:
    """Accuracy@k by horizon and context, everywhere and inside scenes."""
    films = training_films(FILMS, SEED)
    hits: dict[tuple[str, str, int, int], list[bool]] = defaultdict(list)
    with videobert.load("shapes") as model:
        around = nearest(model)
        for film, tokens in zip(films, tokens_of(model, films, work), strict=True):
            for clips in range(1, len(tokens)):
                ahead = [step for step in HORIZONS if clips + step <= len(tokens)]
                guesses: dict[tuple[str, int], list[int]] = {}
                for context in (None, *CONTEXTS):
                    name = "default" if context is None else f"context_{context}"
                    if context is not None and context > clips:
                        continue
                    found = model.forecast(until(tokens, clips), ahead=ahead, top=max(TOPS), context_clips=context)
                    for each in found:
                        guesses[name, each.ahead] = [candidate.token for candidate in each.candidates]
                for step in ahead:
                    guesses["repeat_last", step] = around[tokens.ids[clips - 1]].tolist()
                for (name, step), guessed in guesses.items():
                    truth = int(tokens.ids[clips + step - 1])
                    here = scene_at(film, tokens, clips - 1) == scene_at(film, tokens, clips + step - 1)
                    for top in TOPS:
                        hits[name, "all", step, top].append(truth in guessed[:top])
                        if here:
                            hits[name, "same_scene", step, top].append(truth in guessed[:top])
    results: dict[str, Any] = {"films": len(films), "clips": sum(len(t) for t in tokens_of_saved(work))}
    for (name, where, step, top), right in hits.items():
        rows = results.setdefault(name, {}).setdefault(where, {}).setdefault(f"ahead_{step}", {})
        rows[f"accuracy@{top}"] = proportion(right)
    return results


def tokens_of_saved(work: Path) -> list[VisualTokens]:
    """What was kept of the films."""
    return [VisualTokens.load(path) for path in sorted(work.glob("*.vbt"))]


def main(out: Path, work: Path) -> None:
    """Measure all of it and write it."""
    results = {"environment": environment("openvino", "numpy", "av"), "seed": SEED, **measure(work)}
    out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
