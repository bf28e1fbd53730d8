"""Events of real films that join several clips: `python benchmarks/everyday/joined_events.py FILMS_DIR MODEL OUT.json`.

FILMS_DIR is what `joined_films.py` wrote. Of clips whose name, with spaces, is a label of the model's question, the
stretch of that label is to be found; in the others the model should leave the question open.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from average_precision import Stretch, by_label, mean
from joined_films import JoinedFilm, read_films

from videobert import load
from videobert.bench.environment import environment
from videobert.results.events import Events

LEASTS = (0.5, 0.75, 0.95)


def true_stretches(films: list[JoinedFilm], labels: tuple[str, ...]) -> list[Stretch]:
    """Where the clips are that show one of the labels."""
    return [
        Stretch(film.path.name, span.clip.replace("_", " "), span.start_s, span.end_s)
        for film in films
        for span in film.spans
        if span.clip.replace("_", " ") in labels
    ]


def open_share(film: JoinedFilm, found: Events, question: str, labels: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of the clips that show none of the labels, and how many of them are left open."""
    others = [span for span in film.spans if span.clip.replace("_", " ") not in labels]
    stretches = [each for each in found.unsure if each.question == question]
    both = (
        max(0.0, min(span.end_s, each.end_s) - max(span.start_s, each.start_s)) for span in others for each in stretches
    )
    return sum(span.end_s - span.start_s for span in others), sum(both)


def main() -> None:
    """Read the arguments, find the events, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--question", default="action")
    given = parser.parse_args()
    films = read_films(given.films)
    told: list[dict[str, Any]] = []
    found: list[Stretch] = []
    others_s = open_s = 0.0
    with load(given.model) as model:
        labels = model.config.questions[given.question].labels
        for film in films:
            began = time.perf_counter()
            events = model.events(film.path, question=given.question)
            took_s = time.perf_counter() - began
            found += [Stretch(film.path.name, e.label, e.start_s, e.end_s, e.score) for e in events]
            here_s, here_open_s = open_share(film, events, given.question, labels)
            others_s, open_s = others_s + here_s, open_s + here_open_s
            told.append(
                {
                    "order": [span.clip for span in film.spans],
                    "events": [[e.label, round(e.start_s, 2), round(e.end_s, 2), round(e.score, 3)] for e in events],
                    "seconds": round(took_s, 1),
                }
            )
            print(film.path.name, told[-1]["events"], f"{took_s:.1f} s", file=sys.stderr)
        origin = {name: getattr(model.origin, name) for name in ("model", "weights", "recipe", "engine", "precision")}
    true = true_stretches(films, labels)
    shown = {each.label for each in true}
    results = {
        "environment": environment("av", "numpy", "openvino"),
        "origin": origin,
        "films": len(films),
        "true_events": len(true),
        "events_found": len(found),
        "events_of_other_labels": sum(each.label not in shown for each in found),
        "mean_average_precision": {f"{least:g}": round(mean(by_label(found, true, least)), 4) for least in LEASTS},
        "average_precision_at_0.5": {label: round(value, 4) for label, value in by_label(found, true).items()},
        "open_share_of_other_clips": round(open_s / others_s, 4) if others_s else None,
        "by_film": told,
    }
    given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
