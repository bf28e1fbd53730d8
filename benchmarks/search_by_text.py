"""A whole `search` by text on an index of ten thousand stretches: `python benchmarks/search_by_text.py MODEL OUT.json`.

OUT is what `search_scale.py` wrote; the figures go into it beside what is there. The index is the model's own: its
stretches have features that are mixtures of those of the clips of `tests/media`, with noise, and the vectors that the
model makes of them. Every query is a sentence that was not asked before, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from search_scale import FILM, SEED, SMALL, film, milliseconds

import videobert
from videobert.bench.environment import environment
from videobert.index.catalogue import Stat
from videobert.index.writer import IndexWriter
from videobert.pipeline.scoring import Clips
from videobert.pipeline.stretches import identity_of

MEDIA = Path(__file__).parents[1] / "tests" / "media"
WHO = ("a man", "two women", "someone", "a child in a red coat", "people", "a dog", "the crowd", "an old woman")
WHAT = (
    "plays chess",
    "is cutting onions in a kitchen",
    "jumps over a fence",
    "is painting a wall",
    "reads",
    "dances slowly with a partner",
    "throws a ball to a friend",
    "drives",
)
WHERE = ("", " in the rain", " at night", " near a river", " in front of a big house with a red door", " outside")
WARM_UP = 20


def queries() -> list[str]:
    """Sentences of three to fourteen words, in an order that mixes lengths."""
    found = ["".join((who, " ", what, where)) for who, what, where in itertools.product(WHO, WHAT, WHERE)]
    np.random.default_rng(SEED).shuffle(found)
    return found


def features(model: videobert.Runtime, count: int) -> npt.NDArray[np.float32]:
    """Of so many clips: each a mixture of two real ones, every value off by a third or so."""
    rng = np.random.default_rng(SEED)
    own = np.concatenate([model.features(path).features for path in sorted(MEDIA.glob("*.mp4"))]).astype(np.float32)
    one, other = own[rng.integers(0, len(own), (2, count))]
    share = rng.uniform(0, 1, (count, 1)).astype(np.float32)
    mixed = share * one + (1 - share) * other
    return (mixed * np.exp(rng.normal(0, 0.3, mixed.shape))).astype(np.float32)


def write(model: videobert.Runtime, folder: Path, count: int) -> None:
    """An index of so many stretches, a clip each."""
    opened = model._opened
    rows = features(model, count).astype(np.float16).astype(np.float32)
    nowhere = np.zeros(1, np.int32)
    vectors = np.stack([opened.embeds.vector(None, [Clips(ids=nowhere, features=row[None])]) for row in rows])
    with IndexWriter(folder, identity_of(opened, 1)) as writer:
        for number, start in enumerate(range(0, count, FILM)):
            here = slice(start, start + FILM)
            made = film(vectors[here], rows.shape[1])
            made = dataclasses.replace(made, features=rows[here])
            writer.add(f"/films/{number}.mp4", Stat(number, number), f"{number:064x}", made)


def measured(name: str, folder: Path, count: int) -> dict[str, Any]:
    """Ask, one query after the other."""
    with videobert.load(name) as model:
        write(model, folder, count)
        index = videobert.open_index(folder)
        took, used = [], []
        for query in queries():
            began, busy = time.perf_counter(), time.process_time()
            model.search(query, index)
            took.append(time.perf_counter() - began)
            used.append(time.process_time() - busy)
        return {
            "environment": environment("faiss-cpu"),
            "origin": videobert.to_json(model.origin),
            "stretches": len(index),
            "queries": len(took) - WARM_UP,
            "first_ms": 1e3 * took[0],
            "search_ms": milliseconds(took[WARM_UP:]),
            "search_cpu_ms": milliseconds(used[WARM_UP:]),
        }


def main() -> None:
    """Measure, and put what was found beside the rest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--stretches", type=int, default=SMALL)
    given = parser.parse_args()
    found = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(given.model, Path(folder) / "index", given.stretches)
    found[f"{given.stretches} asked by text, {given.model}"] = figures
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
