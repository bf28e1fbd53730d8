"""An index at scale, of made-up vectors: writing, grouping into cells, reopening, queries, and how many they miss.

Run as `python benchmarks/search_scale.py OUT.json` on a machine that does nothing else; it takes some minutes and
4 GB of disk for a million stretches of 384 values. Each part has a process of its own, so that its peak of memory is
its own. Vectors are made as `everyday` makes them, of the ten likeliest of 400 labels by their probabilities, with the
labels' vectors drawn at random; a query is one to three labels' vectors with as much again of something else. Recall is
how many of the ten nearest by a plain product with every vector are among the ten found; the same is measured on
vectors without any structure, which no film has, as the worst that can be.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.bench.environment import environment
from videobert.index.catalogue import Stat
from videobert.index.identity import IndexIdentity
from videobert.index.new_stretches import NewStretches
from videobert.index.reader import IndexReader
from videobert.index.writer import IndexWriter

WIDTH, FEATURES = 384, 1024
SMALL, NOISE = 10_000, 100_000
FILM = 1_000
LABELS, LIKELIEST = 400, 10
QUERIES, EXACT_QUERIES = 1_000, 200
TOP = 10
SEED = 13

Vectors = npt.NDArray[np.float32]


def unit(rows: npt.NDArray[np.floating]) -> Vectors:
    """Rows of length one."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@cache
def labels() -> Vectors:
    """What stretches are mixtures of."""
    return unit(np.random.default_rng(SEED).standard_normal((LABELS, WIDTH), np.float32))


def stretches_of(seed: int, count: int, *, structured: bool) -> Vectors:
    """Vectors of stretches."""
    rng = np.random.default_rng(seed)
    if not structured:
        return unit(rng.standard_normal((count, WIDTH), np.float32))
    # A softmax of normal logits, as of a classifier that is more or less certain.
    chosen = rng.integers(0, LABELS, (count, LIKELIEST))
    shares = np.exp(rng.uniform(0.5, 3.0, (count, 1)) * rng.standard_normal((count, LIKELIEST)))
    return unit(np.einsum("nk,nkw->nw", shares.astype(np.float32), labels()[chosen], optimize=True))


def queries_of(count: int, *, structured: bool) -> Vectors:
    """Vectors of queries."""
    rng = np.random.default_rng(SEED - 1)
    other = unit(rng.standard_normal((count, WIDTH), np.float32))
    if not structured:
        return other
    # One label, or two, or three, and as much again of something else.
    named = labels()[rng.integers(0, LABELS, (count, 3))] * (np.arange(3) <= np.arange(count)[:, None] % 3)[:, :, None]
    return unit(unit(named.sum(axis=1)) + other)


def identity(features: int) -> IndexIdentity:
    """Of an index that no model made."""
    fields: dict[str, Any] = {"model": "made-up", "weights": "0" * 16, "recipe": "0" * 16, "stride": 1}
    return IndexIdentity(**fields, width=WIDTH, feature_width=features, unit=True)


def film(vectors: Vectors, features: int) -> NewStretches:
    """Vectors as the stretches of a film, 2.56 s each."""
    count = len(vectors)
    starts = np.arange(count) * 2.56
    return NewStretches(
        start_s=starts,
        end_s=starts + 2.56,
        clips=np.ones(count, np.int64),
        shots=np.arange(count) // 3,
        percentiles=np.full(count, np.nan, np.float32),
        unsure=np.zeros(count, np.bool_),
        vectors=vectors,
        pictures=[b"\xff\xd8" + bytes(2_000)] * count if features else [b""] * count,
        ids=np.zeros(count, np.int32),
        scores=np.ones(count, np.float32),
        sure=np.ones(count, np.bool_),
        features=np.ones((count, features), np.float32) if features else None,
        duration_s=2.56 * count,
        percentile=None,
        out_of_domain=False,
    )


def write(folder: Path, count: int, *, structured: bool, features: int) -> dict[str, Any]:
    """Write an index of films, each committed by itself."""
    began = time.perf_counter()
    with IndexWriter(folder, identity(features)) as writer:
        for number, start in enumerate(range(0, count, FILM)):
            vectors = stretches_of(SEED + 1 + number, min(FILM, count - start), structured=structured)
            writer.add(f"/films/{number}.mp4", Stat(number, number), f"{number:064x}", film(vectors, features))
    return {"write_s": time.perf_counter() - began}


def group(folder: Path) -> dict[str, Any]:
    """Put the vectors into cells."""
    began = time.perf_counter()
    with IndexWriter(folder, identity(0)) as writer:
        writer.write_cells()
    return {"group_s": time.perf_counter() - began}


def ask(folder: Path, *, structured: bool, exact_of: int) -> dict[str, Any]:
    """Reopen and query, then hold what was found against a product with every vector."""
    opened: list[float] = []
    for _ in range(10):
        began = time.perf_counter()
        reader = IndexReader(folder)
        opened.append(time.perf_counter() - began)
    queries = queries_of(QUERIES, structured=structured)
    took, used, found = [], [], []
    for query in queries:
        began, busy = time.perf_counter(), time.process_time()
        rows, _ = reader.nearest(query, TOP)
        took.append(time.perf_counter() - began)
        used.append(time.process_time() - busy)
        found.append(rows)
    # Before all vectors are touched. Most of the peak is pages of mapped files, which the system takes back at need.
    peak, own = peak_bytes(), own_bytes()
    vectors = np.memmap(folder / "generation-1" / "vectors", "<f4", "r").reshape(-1, WIDTH)
    hits = 0
    best = exact(vectors, queries[:exact_of])
    for at, rows in enumerate(found[:exact_of]):
        hits += len(set(rows.tolist()) & set(best[at].tolist()))
    return {
        "stretches": len(reader),
        "in_cells": reader.in_cells,
        "reopen_ms": milliseconds(opened),
        "first_query_ms": 1e3 * took[0],
        "query_ms": milliseconds(took[1:]),
        "query_cpu_ms": milliseconds(used[1:]),
        "recall_at_10": hits / (TOP * exact_of),
        "peak_bytes": peak,
        "own_bytes": own,
        "disk_bytes": {path.name: path.stat().st_size for path in sorted((folder / "generation-1").iterdir())},
    }


def exact(vectors: npt.NDArray[np.float32], queries: Vectors) -> npt.NDArray[np.int64]:
    """The rows of the largest products, by numpy alone."""
    rows, values = np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(vectors), 100_000):
        products = queries @ vectors[start : start + 100_000].T
        here = np.argpartition(-products, TOP, axis=1)[:, :TOP]
        rows = np.concatenate([rows, here + start], axis=1)
        values = np.concatenate([values, np.take_along_axis(products, here, axis=1)], axis=1)
        best = np.argsort(-values, axis=1)[:, :TOP]
        rows, values = np.take_along_axis(rows, best, axis=1), np.take_along_axis(values, best, axis=1)
    return rows


def milliseconds(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50": 1e3 * float(np.median(seconds)), "p95": 1e3 * float(np.percentile(seconds, 95))}


def peak_bytes() -> int:
    """The most memory that this process has had; pages of mapped files count while they are there."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def own_bytes() -> int:
    """Memory of this process alone, without pages of mapped files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def part(name: str, folder: Path, count: int, structured: bool, exact_of: int) -> dict[str, Any]:
    """One part in this process."""
    features = FEATURES if count <= SMALL else 0
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "write": lambda: write(folder, count, structured=structured, features=features),
        "group": lambda: group(folder),
        "ask": lambda: ask(folder, structured=structured, exact_of=exact_of),
    }
    return parts[name]()


def in_process(*arguments: str) -> dict[str, Any]:
    """A part in a process of its own, with its peak of memory."""
    command = [sys.executable, __file__, "--part", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measured(folder: Path, count: int, structured: bool, exact_of: int, *, cells: bool) -> dict[str, Any]:
    """All parts of one index."""
    rest = (str(folder), str(count), "structured" if structured else "none", str(exact_of))
    found: dict[str, Any] = {}
    for name in ("write", *(["group"] if cells else []), "ask"):
        result = in_process(name, *rest)
        found[f"{name}_peak_bytes"] = result.pop("peak_bytes")
        found |= result
        print(f"{folder.name} {name}: {result}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--stretches", type=int, default=1_000_000)
    parser.add_argument("--exact-queries", type=int, default=EXACT_QUERIES)
    parser.add_argument("--folder", type=Path, help="where the indexes are made; a temporary folder if not given")
    parser.add_argument("--part", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        name, folder, count, structured, exact_of = given.part
        found = part(name, Path(folder), int(count), structured == "structured", int(exact_of))
        print(json.dumps({"peak_bytes": peak_bytes()} | found))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        root, many = Path(temporary), given.stretches
        small, noise = min(SMALL, many), min(NOISE, many)
        result = {
            "environment": environment("faiss-cpu", "numpy"),
            "width": WIDTH,
            f"{small}": measured(root / "small", small, True, given.exact_queries, cells=False),
            f"{many}": measured(root / "large", many, True, given.exact_queries, cells=True),
            f"{noise} without structure": measured(root / "noise", noise, False, given.exact_queries, cells=True),
        }
    text = json.dumps(result, indent=1) + "\n"
    if given.out is None:
        print(text)
    else:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
