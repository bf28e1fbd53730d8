"""How well questions that were learned are answered about films that nothing of the model has seen.

Run as `python benchmarks/learned_questions.py OUT.json WORK`; it takes some ten minutes, most of them for writing and
reading films, which stay in WORK. What is learned from are stretches of films with several scenes, as `videobert train
shapes` makes them; what is asked about are films with other kinds of background, of combinations that the backbone was
trained with and of others. `colour_shape` is a question of 30 labels that the bundled model does not have.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import videobert
from videobert.bench.environment import environment
from videobert.runtime import Runtime
from videobert_modeling.learn import Learned, learn
from videobert_modeling.metrics.proportion import proportion
from videobert_modeling.train.shapes.media import SUFFIXES, write_film
from videobert_modeling.train.shapes.world import Film, Scene, held_out_films, training_films

TAUGHT, ASKED = 150, {"seen": 100, "unseen": 60}
SEED = 900
EXAMPLES, DRAWS = 5, 5
QUESTIONS = ("movement", "figure", "face", "colour_shape")


def labels_of(scene: Scene) -> dict[str, str]:
    """The right answers about a scene, under names that the bundled model does not have."""
    return {
        "movement": scene.motion,
        "figure": scene.shape,
        "face": scene.mood,
        "colour_shape": f"{scene.colour} {scene.shape}",
    }


def write_films(films: Sequence[Film], folder: Path) -> list[Path]:
    """The films as files; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, film in enumerate(films):
        path = folder / f"{number:04d}{SUFFIXES[film.codec]}"
        if not path.exists():
            write_film(film, folder, f".{path.stem}").rename(path)
        paths.append(path)
    return paths


def stretches(films: Sequence[Film], paths: Sequence[Path]) -> list[dict[str, Any]]:
    """A line of data for each scene."""
    return [
        {"video": str(path), "start": event.start_s, "end": event.end_s, "labels": labels_of(event.scene)}
        for film, path in zip(films, paths, strict=True)
        for event in film.events
    ]


def few_of(lines: Sequence[dict[str, Any]], question: str, seed: int) -> list[dict[str, Any]]:
    """`EXAMPLES` stretches of each label of one question, at random."""
    left: dict[str, int] = {}
    few = []
    for number in np.random.default_rng(seed).permutation(len(lines)):
        label = lines[number]["labels"][question]
        if left.setdefault(label, EXAMPLES):
            left[label] -= 1
            few.append({**lines[number], "labels": {question: label}})
    return few


def answers(model: Runtime, question: str, seen: Sequence[Any], films: Sequence[Film]) -> dict[str, Any]:
    """Share of right answers about whole films, and of those that were not left open."""
    right, sure = [], []
    for features, film in zip(seen, films, strict=True):
        (segment,) = model.classify(features, question=question, top=1, window_clips=8).segments
        right.append(segment.text == labels_of(film.events[0].scene)[question])
        sure.append(not segment.unsure)
    kept = [r for r, s in zip(right, sure, strict=True) if s]
    return {"right": proportion(right), "answered": proportion(sure), "right_of_answered": proportion(kept)}


def teach(lines: Sequence[dict[str, Any]], out: Path, work: Path) -> tuple[Learned, float]:
    """A model that learned them, and the seconds that took."""
    data = work / f"{out.name}.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    began = time.perf_counter()
    return learn("shapes", data, out, features=work / "features"), time.perf_counter() - began


def measure(work: Path, runs: Path) -> dict[str, Any]:
    """Every figure.

    Args:
        work: films and features, kept.
        runs: an empty folder for models.
    """
    films = training_films(TAUGHT, SEED)
    lines = stretches(films, [path.absolute() for path in write_films(films, work / "films" / "train")])
    learned, _ = teach(lines, runs / "all", work)
    _, seconds = teach(lines, runs / "again", work)
    results: dict[str, Any] = {
        "taught": {"films": len(films), "stretches": len(lines), "seconds_with_features": round(seconds, 1)},
        "cross_validated": {name: learned.questions[name].to_json()["accuracy"] for name in QUESTIONS},
        "held_out": {},
        "five_examples": {},
    }
    seen: dict[str, list[Any]] = {}
    asked: dict[str, list[Film]] = {}
    with videobert.load(runs / "all") as model:
        for split, count in ASKED.items():
            asked[split] = held_out_films(count, SEED + 1, split)  # type: ignore[arg-type]
            seen[split] = [model.features(path) for path in write_films(asked[split], work / "films" / split)]
            results["held_out"][split] = {name: answers(model, name, seen[split], asked[split]) for name in QUESTIONS}
    for name in QUESTIONS[:3]:
        shares: dict[str, list[float]] = {split: [] for split in ASKED}
        for draw in range(DRAWS):
            few, _ = teach(few_of(lines, name, draw), runs / f"{name}-{draw}", work)
            with videobert.load(few.folder) as model:
                for split, films_asked in asked.items():
                    found: Any = answers(model, name, seen[split], films_asked)
                    shares[split].append(found["right"]["value"])
        results["five_examples"][name] = {
            split: {"mean": round(float(np.mean(values)), 4), "each": values} for split, values in shares.items()
        }
    return results


def main(out: Path, work: Path) -> None:
    """Measure and write."""
    import tempfile

    with tempfile.TemporaryDirectory() as runs:
        results = measure(work, Path(runs))
    results["environment"] = environment("scikit-learn", "torch", "openvino", "av")
    out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
