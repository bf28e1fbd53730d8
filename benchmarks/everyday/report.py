"""What features say of recipes and of abstaining: `python benchmarks/everyday/report.py FILMS.json MODEL DIR OUT.json`.

DIR has what `features.py` wrote. Windows of kind `action` are right where the first label is among the film's; windows
of kind `other` show nothing that the model has a name for, so that the best it can do is to abstain.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from films import Film, read
from measures import SIGNALS, Rows, auroc, energy, energy_with_neighbour, probabilities
from safetensors.numpy import load_file

from videobert.bench.environment import environment

REFERENCE = "64@25"
THRESHOLDS = (12.0, 13.0, 14.0, 14.5, 15.0, 15.5, 16.0, 17.0)


@dataclass(frozen=True)
class Windows:
    """Logits of one film under one recipe, float64 `(windows, 400)`, and the windows' first frames."""

    film: Film
    logits: Rows
    start: list[int]
    right: npt.NDArray[np.bool_]
    labels: list[str]


def of_features(features: Mapping[str, Rows], films: tuple[Film, ...], model: Path) -> list[Windows]:
    """The logits of those films that have features, under their names; first frames where `NAME|start` has them."""
    head = load_file(model / "model.safetensors")
    weight, bias = (head[f"feature_heads.action.{name}"].astype(np.float64) for name in ("weight", "bias"))
    labels = json.loads((model / "config.json").read_text(encoding="utf-8"))["questions"]["action"]["labels"]
    found = []
    for film in films:
        if film.name in features:
            logits = features[film.name] @ weight.T + bias
            right = np.array([labels[first] in film.labels for first in logits.argmax(axis=1)])
            start = features[f"{film.name}|start"].tolist() if f"{film.name}|start" in features else []
            found.append(Windows(film, logits, start, right, labels))
    return found


def windows(path: Path, films: tuple[Film, ...], model: Path) -> list[Windows]:
    """The logits of all films in a file of features."""
    return of_features(np.load(path, allow_pickle=False), films, model)


def agreement(seen: list[Windows], reference: list[Windows]) -> dict[str, float | int]:
    """How often a recipe's first label is that of 64 frames at 25, for windows that begin together."""
    first = {(w.film.name, at): int(row.argmax()) for w in reference for at, row in zip(w.start, w.logits, strict=True)}
    same = [
        (w.film.kind == "action", int(row.argmax()) == first[w.film.name, at])
        for w in seen
        for at, row in zip(w.start, w.logits, strict=True)
        if w.film.kind != "near" and (w.film.name, at) in first
    ]
    if not same:
        return {"windows": 0}
    action = [equal for is_action, equal in same if is_action]
    whole = [equal for _, equal in same]
    return {
        "windows": len(whole),
        "agreement": round(float(np.mean(whole)), 3),
        "action_windows": len(action),
        "agreement_on_action": round(float(np.mean(action)), 3),
    }


def film_right(seen: Windows) -> bool:
    """Whether the label that is likeliest over all windows of a film is one of its own."""
    first = int(probabilities(seen.logits).mean(axis=0).argmax())
    return seen.labels[first] in seen.film.labels


def measured(seen: list[Windows], reference: list[Windows]) -> dict[str, Any]:
    """The figures of one recipe."""
    actions = [w for w in seen if w.film.kind == "action"]
    logits = np.concatenate([w.logits for w in actions])
    right = np.concatenate([w.right for w in actions])
    other = np.concatenate([w.logits for w in seen if w.film.kind == "other"])
    other_film = np.concatenate([[w.film.name] * len(w.logits) for w in seen if w.film.kind == "other"])
    others_seen = [w for w in seen if w.film.kind == "other"]
    pairs = [np.concatenate([energy_with_neighbour(w.logits) for w in heap]) for heap in (actions, others_seen)]
    return {
        "with_64_frames_at_25": agreement(seen, reference),
        "right_first": {"windows": int(right.sum()), "of": len(right)},
        "right_first_by_film": {
            "films": sum(film_right(w) for w in actions),
            "of": len(actions),
        },
        "mean_certainty": round(float(probabilities(logits).max(axis=1).mean()), 3),
        "other_windows": len(other),
        "other_films": len(set(other_film)),
        "auroc_of_right_against_other": {
            **{name: round(auroc(signal(logits[right]), signal(other)), 3) for name, signal in SIGNALS.items()},
            "energy with a neighbour": round(auroc(pairs[0][right], pairs[1]), 3),
        },
        "energy_at_least": kept(energy(logits), energy(other), right, other_film),
        "energy_with_neighbour_at_least": kept(pairs[0], pairs[1], right, other_film),
    }


def kept(own: Rows, others: Rows, right: npt.NDArray[np.bool_], other_film: npt.NDArray[Any]) -> dict[str, Any]:
    """What stays at each threshold of windows of action films and of others."""
    return {
        str(least): {
            "right_kept": round(float((own[right] >= least).mean()), 3),
            "wrong_kept": int((own[~right] >= least).sum()),
            "wrong": int((~right).sum()),
            "other_kept": int((others >= least).sum()),
            "other_films_kept": len(set(other_film[others >= least])),
        }
        for least in THRESHOLDS
    }


def main() -> None:
    """Read the arguments and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("films", "model", "features", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    films = read(given.films).films
    reference = windows(given.features / f"{REFERENCE}.npz", films, given.model)
    result = {
        "environment": environment("openvino", "av", "numpy"),
        "recipes": {
            path.stem: measured(windows(path, films, given.model), reference)
            for path in sorted(given.features.glob("*.npz"))
        },
        "films": [film.described() for film in films],
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
