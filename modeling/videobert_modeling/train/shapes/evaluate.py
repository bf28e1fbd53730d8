"""Held-out evaluation of a finished model folder, through the runtime and real video files.

Other seeds and other kinds of background than training; combinations that training never showed are counted apart.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
import multiprocessing
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import numpy.typing as npt

import videobert
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens
from videobert_modeling.metrics.proportion import area, proportion
from videobert_modeling.train.cached_steps import Report
from videobert_modeling.train.shapes.media import SUFFIXES, write_film
from videobert_modeling.train.shapes.narrate import FULL_TEMPLATES, QUESTIONS, fill_template
from videobert_modeling.train.shapes.world import ATTRIBUTES, Film, Scene, SceneSampler, Split, held_out_films

SPLITS: tuple[Split, ...] = get_args(Split)
_WHOLE_FILM = 5  # clips; the longest held-out film, one event, has four
ZOOMS, PLACES = (1.0, 0.75, 0.5), (0.0, 0.5, 1.0)
_NAMED = "the {colour} {shape} with a {mood} face {motion}"
_PACKAGES = ("videobert", "torch", "openvino", "av", "numpy", "opencv-python-headless")
Watched = tuple[Film, VisualTokens]


def write_held_out(folder: Path, count: int, seed: int, workers: int, report: Report) -> None:
    """Writes `count` held-out films of each split into `folder`; those that are there already are kept."""
    jobs = [
        (folder / split, number, film)
        for split in SPLITS
        for number, film in enumerate(held_out_films(count, seed, split))
    ]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for done, future in enumerate([pool.submit(_write_one, *job) for job in jobs], 1):
            future.result()
            report(done / len(jobs))


def evaluate(
    folder: Path,
    films: Path,
    count: int,
    seed: int,
    real_film: Path | None,
    report: Report,
) -> dict[str, Any]:
    """Every figure of the model card.

    Args:
        folder: the model folder.
        films: what `write_held_out` filled with the same `count` and `seed`.
        real_film: a video that is not of this world, for the out-of-domain signal; None leaves that figure out.
    """
    with videobert.load(folder) as model:
        watched: dict[Split, list[Watched]] = {}
        for place, split in enumerate(SPLITS):
            watched[split] = []
            for number, film in enumerate(held_out_films(count, seed, split)):
                watched[split].append((film, model.tokens(_film_path(films / split, number, film))))
                report((place + (number + 1) / count) / len(SPLITS) * 0.8)
        results: dict[str, Any] = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "seed": seed,
            "versions": {name: _version(name) for name in _PACKAGES} | {"python": platform.python_version()},
            "origin": {k: getattr(model.origin, k) for k in ("model", "recipe", "engine", "device", "precision")},
            "films": {split: len(rows) for split, rows in watched.items()},
            "clips": {split: sum(len(tokens) for _, tokens in rows) for split, rows in watched.items()},
            "model": {name: _sha256(folder / name) for name in ("model.safetensors", "codebook.safetensors")},
        }
        for split, rows in watched.items():
            results[split] = {
                "cloze": _cloze(model, rows),
                "without_video": _blind(model, rows),
                "cloze_named": _cloze_named(model, rows, with_video=True),
                "without_video_named": _cloze_named(model, rows, with_video=False),
                "classify": _classify(model, rows),
                "one_clip": _classify(model, [(film, _first_clip(tokens)) for film, tokens in rows]),
                "alignment": _alignment(model, rows, seed),
            }
            results[split]["gain_points"] = {
                name: round(100 * (right["value"] - results[split]["without_video"][name]["value"]), 1)
                for name, right in results[split]["cloze"].items()
            }
        if real_film is not None:
            results["out_of_domain"] = _out_of_domain(model, watched, real_film)
        report(1.0)
    return results


def write_results(results: dict[str, Any], path: Path) -> None:
    """As indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _write_one(folder: Path, number: int, film: Film) -> None:
    path = _film_path(folder, number, film)
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_film(film, folder, f".{path.stem}").rename(path)


def _film_path(folder: Path, number: int, film: Film) -> Path:
    return folder / f"{number:04d}{SUFFIXES[film.codec]}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return videobert.__version__ if name == "videobert" else "unknown"


def _top(model: Runtime, text: str, tokens: VisualTokens | None) -> str:
    return model.fill(text, tokens, top=1).filled[0].candidates[0].text


def _cloze(model: Runtime, rows: Sequence[Watched]) -> dict[str, Any]:
    """Best of all words where the sentence says nothing else about the scene."""
    return {
        name: proportion(
            [
                _top(model, QUESTIONS[name].templates[0], tokens) == getattr(film.events[0].scene, name)
                for film, tokens in rows
            ]
        )
        for name in ATTRIBUTES
    }


def _blind(model: Runtime, rows: Sequence[Watched]) -> dict[str, Any]:
    """The same without the video: one constant answer for each question."""
    out = {}
    for name in ATTRIBUTES:
        answer = _top(model, QUESTIONS[name].templates[0], None)
        out[name] = proportion([answer == getattr(film.events[0].scene, name) for film, _ in rows])
    return out


def _cloze_named(model: Runtime, rows: Sequence[Watched], with_video: bool) -> dict[str, Any]:
    """Best of all words where the sentence names every other attribute of the scene."""
    out = {}
    for name in ATTRIBUTES:
        template = _NAMED.replace("{" + name + "}", "[MASK]")
        right = []
        for film, tokens in rows:
            scene = film.events[0].scene
            answer = _top(model, fill_template(template, scene), tokens if with_video else None)
            right.append(answer == getattr(scene, name))
        out[name] = proportion(right)
    return out


def _classify(model: Runtime, rows: Sequence[Watched]) -> dict[str, Any]:
    return {
        name: proportion(
            [
                model.classify(tokens, question=name, top=1, window_clips=_WHOLE_FILM).segments[0].text
                == getattr(film.events[0].scene, name)
                for film, tokens in rows
            ]
        )
        for name in ATTRIBUTES
    }


def _first_clip(tokens: VisualTokens) -> VisualTokens:
    names = ("ids", "start_s", "end_s", "percentiles")
    return dataclasses.replace(tokens, padded_frames=0, **{name: getattr(tokens, name)[:1] for name in names})


def _alignment(model: Runtime, rows: Sequence[Watched], seed: int) -> dict[str, Any]:
    """Sentences that name everything: the true one, one of another scene, and ones wrong in a single attribute."""
    rng = np.random.default_rng([seed, 8])
    deal = SceneSampler(rng, "seen")
    positive, random = [], []
    single: dict[str, list[float]] = {name: [] for name in ATTRIBUTES}
    for film, tokens in rows:
        scene = film.events[0].scene
        template = FULL_TEMPLATES[rng.integers(len(FULL_TEMPLATES))]

        def score(of: Scene, template: str = template, tokens: VisualTokens = tokens) -> float:
            return model.align(tokens, fill_template(template, of), window_clips=_WHOLE_FILM).score

        positive.append(score(scene))
        other = deal()
        while other == scene:
            other = deal()
        random.append(score(other))
        for name, values in ATTRIBUTES.items():
            wrong = [value for value in values if value != getattr(scene, name)]
            changed = {a: getattr(scene, a) for a in ATTRIBUTES} | {name: wrong[rng.integers(len(wrong))]}
            single[name].append(score(Scene(**changed)))
    return {
        "random": area(positive, random),
        "one_attribute": {name: area(positive, scores) for name, scores in single.items()},
        "one_attribute_all": area(positive, [score for scores in single.values() for score in scores]),
    }


def _out_of_domain(model: Runtime, watched: dict[Split, list[Watched]], real_film: Path) -> dict[str, Any]:
    """Distance percentiles of clips of held-out films against those of a real film, whole and in nine views.

    A film counts by the median over its clips, which is what `run` judges by.
    """
    films = [_percentiles(tokens) for rows in watched.values() for _, tokens in rows]
    inside = [float(p) for percentiles in films for p in percentiles]
    whole = _percentiles(model.tokens(real_film))
    views = [_percentiles(model.tokens(view(real_film, zoom, place))) for zoom in ZOOMS for place in PLACES]
    outside = [float(p) for percentiles in (whole, *views) for p in percentiles]
    limit = model.config.out_of_domain_percentile
    return {
        "area": area(outside, inside),
        "source": real_film.name,
        "real_clips": {"whole": len(whole), "views": len(outside) - len(whole)},
        "threshold": limit,
        "flagged_shapes": proportion([bool(np.median(percentiles) > limit) for percentiles in films]),
        "flagged_real": proportion([bool(np.median(percentiles) > limit) for percentiles in (whole, *views)]),
    }


def _percentiles(tokens: VisualTokens) -> npt.NDArray[np.float32]:
    if tokens.percentiles is None:
        raise ValueError("the codebook of a trained model knows its training distances")
    return tokens.percentiles


def view(path: Path, zoom: float, place: float) -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
    """The frames of a film cut to a square, so that a short film gives more than a few clips.

    Args:
        zoom: side of the square as a share of the picture's shorter side.
        place: 0 is left, 1 right; in height the square is in the middle.
    """
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            side = int(min(frame.height, frame.width) * zoom) // 2 * 2
            top, left = (frame.height - side) // 2, int((frame.width - side) * place)
            picture = frame.to_ndarray(format="rgb24")[top : top + side, left : left + side]
            yield np.ascontiguousarray(picture, np.uint8), frame.time or 0.0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
