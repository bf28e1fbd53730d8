"""Tokens in `precision="exact"`, bf16 and int8 beside those of fp32, on films that were not calibrated with.

    python benchmarks/exact_tokens.py calibrate MODEL OUT.json [FILM…]
    python benchmarks/exact_tokens.py int8 FOLDER OUT.json [FILM…]
    python benchmarks/exact_tokens.py judge MODEL OUT.json [FILM…]
    python benchmarks/exact_tokens.py time MODEL OUT.json [FILM…]

`calibrate` measures the margin of exact. `int8` makes a folder, a copy of a model, ready for int8; the others look at
that precision too if theirs is. Without films those of the world that `shapes` was trained on are drawn, others to
judge than to calibrate. All but `int8` add to OUT.json what they find. `calibrate` and `judge` stop after --seconds and
go on in the next run; run `time` on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert import load, open_clips
from videobert.bench.environment import environment
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.int8_file import INT8_FILE, write_int8_model
from videobert.model.manifest import write_manifest
from videobert.model.mending import CODEBOOK
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE
from videobert.pipeline.exact_calibration import both_features, measured_margin
from videobert.pipeline.int8_calibration import NEAR_TIE, calibrated_int8
from videobert.video.clip import Clip
from videobert.visual.codebook import Codebook
from videobert.visual.near_ties import NearTies
from videobert_modeling.train.shapes.media import write_film
from videobert_modeling.train.shapes.world import Film, held_out_stories, training_films

# Seeds that no training used.
CALIBRATION_SEED, JUDGED_SEED = 7001, 7002
CALIBRATION_FILMS, INT8_FILMS, JUDGED_FILMS, TIMED_FILMS = 100, 12, 80, 24
ROUNDS = 9
LEAF_DIM, TIES, TIMED_MARGIN = 1024, 200, 0.001


def drawn(what: str) -> list[Film]:
    """Films of the generated world; the judged ones have backgrounds that training and calibration do not have."""
    if what in ("calibrate", "int8"):
        return training_films(CALIBRATION_FILMS if what == "calibrate" else INT8_FILMS, CALIBRATION_SEED)
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
        if what in ("judge", "time"):
            path.unlink()


def whole_clips(film: Path, recipe: Recipe, *, mirrored: bool) -> Iterator[npt.NDArray[np.uint8]]:
    """The clips of a film that end before it does, each followed by its mirror image if that is wanted."""
    with open_clips(film, recipe) as stream:
        for clip in stream:
            if clip.padded_frames:
                continue
            yield clip.on_host()
            if mirrored:
                yield np.ascontiguousarray(clip.on_host()[:, :, ::-1])


def named(films: list[Path]) -> list[dict[str, str]]:
    """Films by title and hash; they are not in this repository."""
    return [{"title": film.name, "sha256": hashlib.sha256(film.read_bytes()).hexdigest()} for film in films]


def calibrate(model: str, films: Iterator[Path], kept: Path, *, mirrored: bool, seconds: float) -> dict[str, Any]:
    """The margin, from features that are kept in a file and those of more films until time is up."""
    folder = ModelFolder(model)
    features: dict[str, npt.NDArray[np.float32]] = dict(np.load(kept)) if kept.exists() else {}
    end, counts = time.monotonic() + seconds, list[int]()

    def clips() -> Iterator[npt.NDArray[np.uint8]]:
        for film in films:
            counts.append(0)
            for clip in whole_clips(film, folder.recipe, mirrored=mirrored):
                counts[-1] += 1
                yield clip
            print(film.name, counts[-1], flush=True)
            if time.monotonic() > end:
                break

    both = np.stack(both_features(folder, clips()))
    parts = np.split(both, np.cumsum(counts)[:-1], axis=1) if counts else []
    features |= {f"{number:04}": part for number, part in enumerate(parts, len(features))}
    np.savez(kept, **features)  # type: ignore[arg-type]
    low, high = np.concatenate([features[number] for number in sorted(features)], axis=1)
    codebook = Codebook.from_bytes(folder.read(CODEBOOK))
    margin = measured_margin(low, high, codebook, folder.digest(portable_graph(BACKBONE)))
    return {"films": len(features), "margin_share": margin.to_json()}


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    share, square = hits / count, z * z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def different(hits: int, count: int) -> dict[str, Any]:
    """Tokens that differ of so many, and their share with its interval."""
    return {
        "different": hits,
        "of": count,
        "share": [hits / max(count, 1), *(wilson(hits, count) if count else (0, 1))],
    }


def judge(
    model: str, films: Iterator[Path], before: dict[str, Any], *, mirrored: bool, seconds: float
) -> dict[str, Any]:
    """Tokens in three precisions, and in int8 where the model is ready for it, of the whole clips of films until time
    is up; added to what was counted before.
    """
    names = ["fp32", "bf16", "exact", *(["int8"] if INT8_FILE in ModelFolder(model) else [])]
    told = (*names[1:], "int8_not_near_a_tie")
    counts = Counter({name: before[name] for name in ("films", "clips", "recomputed") if before})
    counts.update({name: before[name]["different"] for name in told if name in before})
    counts["sure"] = before.get("int8_not_near_a_tie", {}).get("of", 0)
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        opened = {name: stack.enter_context(load(model, precision=name))._opened for name in names}  # type: ignore[arg-type]
        codebook, ties = opened["fp32"].codebook, NearTies(opened["fp32"].codebook)
        for film in films:
            for frames in whole_clips(film, opened["fp32"].recipe, mirrored=mirrored):
                seen = {name: opened[name].feature(frames).result() for name in names if name != "bf16"}
                # What exact did not compute again is bf16's.
                exact = seen["exact"]
                seen["bf16"] = opened["bf16"].feature(frames).result() if exact.recomputed else exact
                ids = {name: int(codebook.assign(each.feature[None])[0][0]) for name, each in seen.items()}
                differs = {name: ids[name] != ids["fp32"] for name in names[1:]}
                counts.update(clips=1, recomputed=exact.recomputed, **differs)
                if "int8" in names:
                    sure = ties.nearest_plane(seen["fp32"].feature).margin >= NEAR_TIE
                    counts.update(sure=sure, int8_not_near_a_tie=sure and differs["int8"])
            counts["films"] += 1
            print(film.name, dict(counts), flush=True)
            if time.monotonic() > end:
                break
        weights = opened["exact"].origin().weights
    found = {name: different(counts[name], counts["clips"]) for name in names[1:]}
    if "int8" in names:
        found["int8_not_near_a_tie"] = different(counts["int8_not_near_a_tie"], counts["sure"])
    return {
        "model": Path(model).name,
        "weights": weights,
        **{name: counts[name] for name in ("films", "clips", "recomputed")},
        **found,
    }


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
    names = ["bf16", "exact", *(["int8"] if INT8_FILE in ModelFolder(model) else [])]
    seconds: dict[str, list[float]] = {name: [] for name in (*names, "fp32")}
    recomputed = 0
    with ExitStack() as stack:
        opened = {name: stack.enter_context(load(model, precision=name)) for name in seconds}  # type: ignore[arg-type]
        for each in opened.values():
            for clips in sets:
                each.tokens(iter(clips))
        for turn in range(ROUNDS):
            for name in names if turn % 2 else reversed(names):
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


def ties_timed() -> dict[str, Any]:
    """Milliseconds in which a codebook of the paper's size tells whether a feature is near a tie, by the search and by
    looking at every centroid.
    """
    random = np.random.default_rng(0)
    leaves = np.zeros((1, LEAF_DIM))
    for depth in range(4):
        children = random.normal(0, 0.6**depth, (len(leaves), 12, LEAF_DIM))
        leaves = (leaves[:, None] + children).reshape(-1, LEAF_DIM)
    about: dict[str, Any] = {"distances": np.array([0, 1], np.float32), "backbone_hash": "", "clip_hash": ""}
    codebook = Codebook(leaves=leaves.astype(np.float32), **about)
    ties = NearTies(codebook)
    points = (leaves[random.integers(0, len(leaves), TIES)] + random.normal(0, 0.1, (TIES, LEAF_DIM))).astype(
        np.float32
    )
    ways = {
        "search": lambda point: ties.is_sure(point, TIMED_MARGIN),
        "every_centroid": lambda point: ties.nearest_plane(point).margin >= TIMED_MARGIN,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for point in (points[0], *points):
        for name, is_sure in ways.items():
            began = time.perf_counter()
            is_sure(point)
            seconds[name].append(time.perf_counter() - began)
    medians = {f"{name}_ms": 1000 * statistics.median(each[1:]) for name, each in seconds.items()}
    return {"leaves": len(leaves), "dim": LEAF_DIM, "features": TIES, **medians}


def main() -> None:
    """Read the arguments and do one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("calibrate", "int8", "judge", "time"))
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("films", type=Path, nargs="*")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop then; the next run goes on")
    parser.add_argument("--mirrored", action="store_true", help="take the mirror image of each clip too")
    parser.add_argument("--features", type=Path, default=Path("features.npz"), help="where calibrate keeps features")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = json.loads(given.out.read_text()) if given.out.exists() else {}
        before = found.get(given.what, {}) if given.what in ("calibrate", "judge") else {}
        films = files(given.what, given.films, Path(folder), before.get("films", 0))
        if given.what == "int8":
            made = calibrated_int8(ModelFolder(Path(given.model)), list(films), frozenset())
            write_int8_model(Path(given.model), made)
            write_manifest(Path(given.model))
            found = made.to_json()
        else:
            found["environment"] = environment("openvino", "av", "numpy")
            how: dict[str, Any] = {"mirrored": given.mirrored, "seconds": given.seconds}
            if given.what == "calibrate":
                found["calibrate"] = calibrate(given.model, films, given.features, **how)
            elif given.what == "judge":
                found["judge"] = judge(given.model, films, before, **how)
            else:
                found["time"] = timed(given.model, films)
                found["ties"] = ties_timed()
            if given.films:
                seen = given.films[: found[given.what].get("films")]
                found[given.what] |= {"mirrored": given.mirrored, "film_list": named(seen)}
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
