"""Features of labelled films under several recipes: `python benchmarks/everyday/features.py FILMS.json MODEL OUT_DIR`.

MODEL is a folder of `videobert get everyday`. A recipe is `FRAMES@FPS` (FPS 25, 12.5 or 6.25; all are taken from one
decoding at 25 a second, so that windows begin at the same frames), with `:flip` for mirrored pictures and `:later` for
windows that begin 1.28 s later. Each gives `OUT_DIR/RECIPE.npz`: a film's name -> float32 `(windows, 1024)`, and
`NAME|start` -> the windows' first frames.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from films import check, read

from videobert.base.openvino_core import openvino_core
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

FPS = 25
EVERY, SHORTEST, MOST = 64, 32, 256
RECIPES = ("64@25", "32@25", "32@12.5", "16@12.5", "32@6.25", "32@25:flip", "32@25:later")
_HALF = (0.5, 0.5, 0.5)


def pictures(path: Path) -> npt.NDArray[np.uint8]:
    """The first `MOST` samples of a film at 25 a second, uint8 `(samples, 224, 224, 3)`."""
    recipe = Recipe(fps=FPS, frames=1, short_side=256, crop=224, mean=_HALF, std=_HALF)  # type: ignore[arg-type]
    with open_clips(path, recipe) as clips:
        return np.concatenate([np.asarray(clip.frames) for clip in islice(clips, MOST)])


def starts(samples: int, later: bool = False) -> list[int]:
    """Where windows begin: every 64 samples, where at least half of a window of 64 is left; one in a shorter film."""
    found = [at for at in range(EVERY // 2 if later else 0, samples, EVERY) if samples - at >= SHORTEST]
    return found or ([] if later else [0])


def window(film: npt.NDArray[np.uint8], start: int, frames: int, step: int, flip: bool) -> npt.NDArray[np.uint8]:
    """One clip, uint8 `(1, frames, 224, 224, 3)`; what the film does not fill is its last picture."""
    clip = film[np.minimum(start + np.arange(frames) * step, len(film) - 1)]
    return np.ascontiguousarray(clip[None, :, :, ::-1] if flip else clip[None])


def main() -> None:
    """Read the arguments, and write a file a recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, help="where the films lie; beside the manifest by default")
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    graph = given.model / "graphs" / "backbone.onnx"
    core = openvino_core()
    backbones = {}
    for length in {int(recipe.split("@")[0]) for recipe in given.recipes}:
        network = core.read_model(graph)
        network.reshape([1, length, 224, 224, 3])
        backbones[length] = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    kept: dict[str, dict[str, Any]] = {recipe: {} for recipe in given.recipes}
    for film in read(given.films, given.folder).films:
        check(film)
        seen = pictures(film.path)
        for recipe, rows in kept.items():
            name, _, mode = recipe.partition(":")
            frames, fps = name.split("@")
            begins = starts(len(seen), mode == "later")
            if begins:
                clips = (window(seen, at, int(frames), round(FPS / float(fps)), mode == "flip") for at in begins)
                rows[film.name] = np.concatenate([backbones[int(frames)](clip)[0] for clip in clips])
                rows[f"{film.name}|start"] = np.array(begins)
    for recipe, rows in kept.items():
        np.savez(given.out / f"{recipe}.npz", **rows)


if __name__ == "__main__":
    main()
