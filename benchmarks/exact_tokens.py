"""Tokens of `precision="exact"` beside those of fp32 and bf16, on films that its margin was not measured on.

    python benchmarks/exact_tokens.py calibrate MODEL OUT.json [FILM…]
    python benchmarks/exact_tokens.py judge MODEL OUT.json [FILM…]
    python benchmarks/exact_tokens.py time MODEL OUT.json [FILM…]

Without films those of the world that `shapes` was trained on are drawn: other ones for each of the first two. `judge`
and `time` add to OUT.json what they find; run `time` on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from machine import machine

from videobert import load, open_clips
from videobert.model.folder import ModelFolder
from videobert.pipeline.exact_calibration import calibrated
from videobert.video.clip import Clip
from videobert_modeling.train.shapes.media import write_film
from videobert_modeling.train.shapes.world import Film, held_out_stories, training_films

# Seeds that no training used.
CALIBRATION_SEED, JUDGED_SEED = 7001, 7002
CALIBRATION_FILMS, JUDGED_FILMS, TIMED_FILMS = 100, 80, 24
ROUNDS = 9


def drawn(what: str) -> list[Film]:
    """Films of the generated world; the judged ones have backgrounds that training and calibration do not have."""
    if what == "calibrate":
        return training_films(CALIBRATION_FILMS, CALIBRATION_SEED)
    films = [
        film
        for split in ("seen", "unseen")
        for any_length in (False, True)
        for film in held_out_stories(JUDGED_FILMS, JUDGED_SEED, split, any_length=any_length)  # type: ignore[arg-type]
    ]
    return films if what == "judge" else films[:: len(films) // TIMED_FILMS]


def files(what: str, given: list[Path], folder: Path, seen: int = 0) -> Iterator[Path]:
    """The films as files, without the first `seen`; those that are drawn are written to `folder`, one at a time."""
    if given:
        yield from given[seen:]
        return
    for number, film in list(enumerate(drawn(what)))[seen:]:
        path = write_film(film, folder, f"{number}")
        yield path
        if what != "calibrate":
            path.unlink()


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    share, square = hits / count, z * z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def different(hits: int, count: int) -> dict[str, Any]:
    """A share of tokens that differ, with its interval."""
    low, high = wilson(hits, count)
    return {"clips": count, "different": hits, "share": hits / count, "low": low, "high": high}


def judge(model: str, films: Iterator[Path], before: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Tokens in three precisions, of films until time is up, added to what was counted before."""
    counts = {"films": 0, "clips": 0, "recomputed": 0, "bf16": 0, "exact": 0}
    counts |= {name: before[name] for name in ("films", "recomputed") if before}
    counts |= {name: before[name]["different"] for name in ("bf16", "exact") if before}
    counts["clips"] = before["exact"]["clips"] if before else 0
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        opened = {name: stack.enter_context(load(model, precision=name)) for name in ("fp32", "bf16", "exact")}
        for film in films:
            found = {name: each.tokens(film) for name, each in opened.items()}
            whole = len(found["fp32"]) - (found["fp32"].padded_frames > 0)
            true = found["fp32"].ids[:whole]
            for name in ("bf16", "exact"):
                counts[name] += int((found[name].ids[:whole] != true).sum())
            origin = found["exact"].origin
            counts["recomputed"] += 0 if origin is None else origin.recomputed or 0
            counts["clips"] += whole
            counts["films"] += 1
            print(film.name, counts, flush=True)
            if time.monotonic() > end:
                break
        weights = opened["exact"].origin.weights
    shares = {name: different(counts[name], counts["clips"]) for name in ("bf16", "exact")}
    return {"model": model, "weights": weights, **counts, **shares}


def clip_sets(model: str, films: Iterator[Path]) -> list[list[Clip]]:
    """The whole clips of films, in memory."""
    recipe = ModelFolder(model).recipe
    sets = []
    for film in films:
        with open_clips(film, recipe) as stream:
            sets.append([clip for clip in stream if clip.padded_frames == 0])
    return sets


def timed(model: str, films: Iterator[Path]) -> dict[str, Any]:
    """Pairs of bf16 and exact on clips that are decoded already: what exact costs more of the backbone's time."""
    sets = clip_sets(model, films)
    seconds: dict[str, list[float]] = {"bf16": [], "exact": [], "fp32": []}
    recomputed = 0
    with ExitStack() as stack:
        opened = {name: stack.enter_context(load(model, precision=name)) for name in seconds}  # type: ignore[arg-type]
        for each in opened.values():
            for clips in sets:
                each.tokens(iter(clips))
        for turn in range(ROUNDS):
            for name in ("bf16", "exact") if turn % 2 else ("exact", "bf16"):
                began = time.perf_counter()
                found = [opened[name].tokens(iter(clips)) for clips in sets]
                seconds[name].append(time.perf_counter() - began)
                if name == "exact":
                    recomputed = sum(each.origin.recomputed or 0 for each in found if each.origin is not None)
        began = time.perf_counter()
        for clips in sets:
            opened["fp32"].tokens(iter(clips))
        seconds["fp32"].append(time.perf_counter() - began)
    count = sum(map(len, sets))
    ratios = [exact / low for exact, low in zip(seconds["exact"], seconds["bf16"], strict=True)]
    return {
        "clips": count,
        "recomputed": recomputed,
        "pairs": len(ratios),
        **{f"{name}_ms_a_clip": 1000 * statistics.median(each) / count for name, each in seconds.items()},
        "exact_over_bf16": statistics.median(ratios),
        "exact_over_bf16_each": ratios,
    }


def main() -> None:
    """Read the arguments and do one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("calibrate", "judge", "time"))
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("films", type=Path, nargs="*")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of judge: stop then; the next run goes on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = json.loads(given.out.read_text()) if given.out.exists() else {}
        before = found.get(given.what, {}) if given.what == "judge" else {}
        films = files(given.what, given.films, Path(folder), before.get("films", 0))
        if given.what == "calibrate":
            found = calibrated(ModelFolder(given.model), list(films)).to_json()
        else:
            found["environment"] = machine("openvino", "av", "numpy")
            judged = given.what == "judge"
            found[given.what] = (
                judge(given.model, films, before, given.seconds) if judged else timed(given.model, films)
            )
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
