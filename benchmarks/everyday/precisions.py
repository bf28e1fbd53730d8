"""Whether what was set in one precision holds in another.

    python benchmarks/everyday/precisions.py FILMS.json MODEL OUT.json --folder FILMS

The windows are those of the trial: of the first 256 samples at 25 a second every 2.56 s one, as the recipe of MODEL
takes it, a folder of `videobert get everyday`. Its backbone runs on each as the product runs it, in fp32, in bf16 and
on 8-bit values. What stays at the thresholds, and how films are found by plain English, is counted as `report.py` and
`plain_english.py` count it. Films that are not here are left out and named.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))

from features import FPS, pictures, starts, window
from films import Film, Manifest, check, read
from measures import energy_with_neighbour
from plain_english import Texts
from plain_english import measured as found_by_english
from report import Windows, kept, of_features

import videobert
from benchmarks.int8.agreement import Judge, counted
from videobert.bench.environment import environment
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.mending import CODEBOOK
from videobert.visual.codebook import Codebook

PRECISIONS = ("fp32", "bf16", "int8")
Features = dict[str, npt.NDArray[np.float32]]


def features_of(films: tuple[Film, ...], folder: ModelFolder) -> dict[str, Features]:
    """Of each precision a film's features, float32 `(windows, 1024)`."""
    engines = {each: OpenVinoEngine(folder, EngineOptions(precision=each)) for each in PRECISIONS}  # type: ignore[arg-type]
    frames, step = folder.recipe.frames, round(FPS / float(folder.recipe.fps))
    found: dict[str, Features] = {each: {} for each in PRECISIONS}
    for film in films:
        seen = pictures(film.path)
        clips = [window(seen, at, frames, step, False) for at in starts(len(seen))]
        for each, engine in engines.items():
            found[each][film.name] = np.concatenate([engine.run("backbone", clips=clip) for clip in clips])
    return found


def left_open(seen: list[Windows], least: float) -> npt.NDArray[np.bool_]:
    """Of all windows, film by film, whether no action is said."""
    return np.concatenate([energy_with_neighbour(each.logits) < least for each in seen])


def measured(
    seen: list[Windows],
    true: list[Windows],
    judge: Judge,
    features: Features,
    manifest: Manifest,
    texts: Texts,
    least: float,
) -> dict[str, Any]:
    """The figures of one precision."""
    actions = [each for each in seen if each.film.kind == "action"]
    others = [each for each in seen if each.film.kind == "other"]
    right = np.concatenate([each.right for each in actions])
    own = np.concatenate([energy_with_neighbour(each.logits) for each in actions])
    other = np.concatenate([energy_with_neighbour(each.logits) for each in others])
    names = np.concatenate([[each.film.name] * len(each.logits) for each in others])
    open_here, open_there = left_open(seen, least), left_open(true, least)
    first_here, first_there = (np.concatenate([each.logits.argmax(axis=1) for each in heap]) for heap in (seen, true))
    same = np.where(open_here | open_there, open_here == open_there, first_here == first_there)
    agreement = judge.of(np.concatenate([features[each.film.name] for each in seen]))
    return {
        "right_first": {"windows": int(right.sum()), "of": len(right)},
        "kept": {str(each): row for each, row in kept(own, other, right, names).items() if float(each) == least},
        "with_fp32": {
            "first_action": agreement["same_token"],
            "first_action_not_near_a_tie": agreement["same_token_not_near_a_tie"],
            "what_is_said": counted(int(same.sum()), len(same)),
            "left_open_in_one_only": int((open_here != open_there).sum()),
        },
        "plain_english": found_by_english(seen, manifest, texts, 15.0, readings=True),
    }


def main() -> None:
    """Read the arguments and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("films", "model", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--folder", type=Path, help="where the films lie; beside the manifest by default")
    given = parser.parse_args()
    manifest = read(given.films, given.folder)
    absent = [film.name for film in manifest.films if not film.path.exists()]
    films = tuple(film for film in manifest.films if film.path.exists())
    for film in films:
        check(film)
    folder = ModelFolder(given.model)
    least = folder.config.questions["action"].abstain.energy_at_least
    features = features_of(films, folder)
    seen = {each: of_features(found, films, given.model) for each, found in features.items()}
    whole = np.concatenate([features["fp32"][film.name] for film in films])
    judge = Judge(Codebook.from_bytes(folder.read(CODEBOOK)), whole, [frozenset()] * len(whole))
    with videobert.load(given.model, precision="fp32") as model:
        texts = Texts(model)
        rows = {
            each: measured(
                seen[each], seen["fp32"], judge, features[each], replace(manifest, films=films), texts, least
            )
            for each in PRECISIONS
        }
    result = {
        "environment": environment("openvino", "av", "numpy"),
        "energy_at_least": least,
        "windows": len(whole),
        "films": len(films),
        "films_absent": absent,
        "other_windows": sum(len(each.logits) for each in seen["fp32"] if each.film.kind == "other"),
        "other_films": sum(each.film.kind == "other" for each in seen["fp32"]),
        "precisions": rows,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
