"""Cuts by the network for shots on 8-bit values beside those in fp32 and bf16.

    python benchmarks/everyday/int8_shots.py ranges MODEL RANGES.json FILM…
    python benchmarks/everyday/int8_shots.py judge MODEL OUT.json FILM…
    python benchmarks/everyday/int8_shots.py time MODEL OUT.json FILM

`ranges` writes what enters the products of the network on windows of films. `judge` finds the cuts of each film in
three ways and adds them to OUT.json: films that are in it already are passed over, and it stops after --seconds. `time`
takes windows in turns, on a machine that does nothing else. MODEL is a folder of `videobert get everyday`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert import Runtime, load
from videobert.base.errors import VideoBertError
from videobert.base.limits import Limits
from videobert.engines.openvino_ranges import observed_ranges
from videobert.model.folder import ModelFolder
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import SHOT_BOUNDARIES, SHOT_FRAMES
from videobert.pipeline.cut_detectors import NetworkCuts
from videobert.video.small_frames import small_frames

sys.path.insert(0, str(Path(__file__).parents[1]))
from videobert.bench.environment import environment

MOST_FRAMES, MOST_WINDOWS, ROUNDS = 500, 3, 15


def small(path: Path, recipe: Recipe, most: int) -> npt.NDArray[np.uint8]:
    """The first frames of a film as the network sees them."""
    return np.stack([picture for picture, _ in islice(small_frames(path, recipe, limits=Limits()), most)])


def windows(films: list[Path], recipe: Recipe) -> list[npt.NDArray[np.uint8]]:
    """Windows of films, one after the other."""
    found = []
    for path in films:
        frames = small(path, recipe, MOST_WINDOWS * SHOT_FRAMES)
        starts = range(0, len(frames) - SHOT_FRAMES + 1, SHOT_FRAMES)
        found += [frames[None, start : start + SHOT_FRAMES] for start in starts]
    return found


def cuts(model: Runtime, film: npt.NDArray[np.uint8]) -> tuple[list[int], int]:
    """First frames of shots, and how many windows were asked for them."""
    shots = model.config.shots
    assert shots is not None
    asked = 0

    def run(stage: str, **inputs: Any) -> npt.NDArray[Any]:
        nonlocal asked
        asked += 1
        found: npt.NDArray[Any] = model._opened.run(stage, **inputs)
        return found

    detector = NetworkCuts(run, shots.probability_at_least, beside=False, cancel=None)
    for number, picture in enumerate(film):
        detector.add(picture, number / 25)
    return [round(each * 25) for each in detector.finish()], asked


def without_int8(model: str, precision: str) -> Runtime:
    """The model with its network for shots in the precision itself."""
    opened = load(model, precision=precision)  # type: ignore[arg-type]
    opened._opened.engine._int8 = {}  # type: ignore[attr-defined]
    opened._opened.engine._stages.clear()  # type: ignore[attr-defined]
    return opened


def judge(model: str, films: list[Path], rows: list[dict[str, Any]], seconds: float) -> None:
    """Add to `rows` the cuts of films that are not among them."""
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        opened = {
            "fp32": stack.enter_context(load(model, precision="fp32")),
            "bf16": stack.enter_context(without_int8(model, "bf16")),
            "int8": stack.enter_context(load(model, precision="bf16")),
        }
        for film in films:
            if film.name in {row["film"] for row in rows}:
                continue
            if time.monotonic() > end:
                break
            try:
                frames = small(film, opened["fp32"].recipe, MOST_FRAMES)
            except (VideoBertError, ValueError) as error:
                print(film.name, error)
                continue
            found = {name: cuts(each, frames) for name, each in opened.items()}
            rows.append(
                {
                    "film": film.name,
                    "frames": len(frames),
                    "windows_asked": found["fp32"][1],
                    **{name: each[0] for name, each in found.items()},
                }
            )
            print(rows[-1], flush=True)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many cuts and films are the same."""
    return {
        "films": len(rows),
        "frames": sum(row["frames"] for row in rows),
        "windows_asked": sum(row["windows_asked"] for row in rows),
        "cuts_fp32": sum(len(row["fp32"]) for row in rows),
        **{
            f"films_with_other_cuts_{name}": [row["film"] for row in rows if row[name] != row["fp32"]]
            for name in ("bf16", "int8")
        },
    }


def timed(model: str, films: list[Path]) -> dict[str, Any]:
    """Milliseconds of a window, interleaved."""
    with ExitStack() as stack:
        opened = {
            "fp32": stack.enter_context(load(model, precision="fp32")),
            "bf16": stack.enter_context(without_int8(model, "bf16")),
            "int8": stack.enter_context(load(model, precision="bf16")),
        }
        window = windows(films[:1], opened["fp32"].recipe)[0]
        seconds: dict[str, list[float]] = {name: [] for name in opened}
        for turn in range(ROUNDS + 1):
            for name, each in opened.items():
                began = time.perf_counter()
                each._opened.run(SHOT_BOUNDARIES, frames=window)
                if turn:
                    seconds[name].append(time.perf_counter() - began)
    found: dict[str, Any] = {f"{name}_ms": 1000 * statistics.median(each) for name, each in seconds.items()}
    pairs = zip(seconds["bf16"], seconds["int8"], strict=True)
    return found | {"pairs": ROUNDS, "bf16_over_int8": statistics.median(low / int8 for low, int8 in pairs)}


def main() -> None:
    """Read the arguments and do one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ranges", "judge", "time"))
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=1e9)
    given = parser.parse_args()
    result = json.loads(given.out.read_text()) if given.out.exists() else {}
    if given.what == "ranges":
        folder = ModelFolder(given.model)
        result = observed_ranges(folder, SHOT_BOUNDARIES, windows(given.films, folder.recipe)).to_json()
    else:
        result["environment"] = environment("openvino", "av", "numpy")
        if given.what == "judge":
            rows = result.get("each", [])
            judge(given.model, given.films, rows, given.seconds)
            result |= {"summary": summary(rows), "each": rows}
        else:
            result["time"] = timed(given.model, given.films)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
