"""Events of the generated world's films by the bundled model: `python benchmarks/shapes_events.py OUT.json WORK`.

The films have three to six scenes each, backgrounds and sizes that training does not have, and scenes of combinations
that it had or had not; they stay in WORK. A true event is a stretch in which a question has one answer: two scenes of
one colour that follow each other are one event of that colour.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import videobert
from videobert.bench.environment import environment
from videobert_modeling.train.shapes.media import SUFFIXES, write_film
from videobert_modeling.train.shapes.world import ATTRIBUTES, Film, held_out_stories

sys.path.insert(0, str(Path(__file__).parent / "everyday"))
from average_precision import Stretch, by_label, mean

FILMS, SEED = 40, 1300
LEASTS = (0.5, 0.75, 0.95)


def written(films: Sequence[Film], folder: Path) -> list[Path]:
    """The films as files; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, film in enumerate(films):
        path = folder / f"{number:04d}{SUFFIXES[film.codec]}"
        if not path.exists():
            write_film(film, folder, f".{path.stem}").rename(path)
        paths.append(path)
    return paths


def true_events(film: Film, name: str) -> list[Stretch]:
    """What goes on in a film, for each question."""
    found: list[Stretch] = []
    for question in ATTRIBUTES:
        for scene in film.events:
            label = f"{question}: {getattr(scene.scene, question)}"
            if found and found[-1].label == label and found[-1].end_s == scene.start_s:
                found[-1] = found[-1]._replace(end_s=scene.end_s)
            else:
                found.append(Stretch(name, label, scene.start_s, scene.end_s))
    return found


def measured(model: videobert.Runtime, films: Sequence[Film], paths: Sequence[Path]) -> dict[str, Any]:
    """The figures of some films."""
    true: list[Stretch] = []
    found: list[Stretch] = []
    began = time.perf_counter()
    for film, path in zip(films, paths, strict=True):
        name = str(path)
        true += true_events(film, name)
        found += [
            Stretch(name, f"{event.question}: {event.label}", event.start_s, event.end_s, event.score)
            for event in model.events(path)
        ]
    each = by_label(found, true)
    return {
        "films": len(films),
        "true_events": len(true),
        "events_found": len(found),
        "mean_average_precision": {f"{least:g}": round(mean(by_label(found, true, least)), 4) for least in LEASTS},
        "by_question_at_0.5": {
            question: round(mean({k: v for k, v in each.items() if k.startswith(f"{question}:")}), 4)
            for question in ATTRIBUTES
        },
        "lowest_at_0.5": dict(sorted(((k, round(v, 4)) for k, v in each.items()), key=lambda pair: pair[1])[:3]),
        "seconds": round(time.perf_counter() - began, 1),
    }


def main(out: Path, work: Path) -> None:
    """Write the films, find their events, and write the figures."""
    results: dict[str, Any] = {"environment": environment("av", "numpy", "openvino"), "seed": SEED}
    with videobert.load("shapes") as model:
        origin = model.origin
        results["origin"] = {
            name: getattr(origin, name) for name in ("model", "weights", "recipe", "engine", "precision")
        }
        for any_length in (False, True):
            for split in ("seen", "unseen"):
                name = f"{split}, {'any length' if any_length else 'lengths of training'}"
                films = held_out_stories(FILMS, SEED, split, any_length=any_length)
                paths = written(films, work / name.replace(", ", "_").replace(" ", "_"))
                results[name] = measured(model, films, paths)
                print(name, results[name], file=sys.stderr)
    out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
