"""Flat assignment on the CPU against faiss, scikit-learn and every torch form: K = 20,736, D = 1024.

Run as `python benchmarks/cpu_nearest.py benchmarks/results/cpu_nearest.json` on a machine that does nothing else; needs
faiss-cpu, scikit-learn and torch. Ours and each rival take turns in one process; what is written are medians, and the
quartiles of the ratios of the pairs. Before anything is timed, our labels are held against float64 brute force on the
same rows; where one differs, no speed is written.

Two kinds of data: `clustered`, a four-level k-means codebook of features with a falling spectrum and rectified like
those of a video network, asked with features of the same source; and `gaussian`, where nothing can be skipped: all
values independent. `noise` lies between: Gaussian centroids asked with a centroid plus noise half as large.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert import _native
from videobert.base.cpu_path import cpu_path
from videobert.bench.environment import environment
from videobert.visual.nearest import NearestCentroids

LEAVES, DIM = 20_736, 1024
PAIRS = {1: 61, 32: 41, 1024: 15}
CHECKED = 256
Array = npt.NDArray[np.float32]


def gaussian(random: np.random.Generator, rows: int) -> tuple[Array, Array]:
    return draw(random, LEAVES), draw(random, rows)


def noise(random: np.random.Generator, rows: int) -> tuple[Array, Array]:
    centroids = draw(random, LEAVES)
    return centroids, centroids[random.integers(0, LEAVES, rows)] + np.float32(0.5) * draw(random, rows)


def clustered(random: np.random.Generator, rows: int) -> tuple[Array, Array]:
    turn = np.linalg.qr(draw(random, DIM))[0]
    top = draw(random, 60)
    middle = top[random.integers(0, 60, 1500)] + np.float32(0.7) * draw(random, 1500)
    spectrum = (np.arange(1, DIM + 1) ** -0.5).astype(np.float32)

    def features(count: int) -> Array:
        mixed = middle[random.integers(0, 1500, count)] + np.float32(0.7) * draw(random, count)
        return np.maximum((mixed * spectrum) @ turn * 3 + np.float32(0.3), 0)

    sample = features(6 * LEAVES)
    groups = [np.arange(len(sample))]
    for _ in range(4):
        groups = [part for group in groups for part in split(random, sample, group)]
    return np.stack([sample[group].mean(axis=0) for group in groups]), features(rows)


def split(random: np.random.Generator, sample: Array, group: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """At most 12 parts, by a few rounds of k-means."""
    if len(group) <= 12:
        return list(group[:, None])
    points = sample[group]
    centres = points[random.choice(len(points), 12, replace=False)]
    for _ in range(4):
        labels = (np.square(centres).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)
        centres = np.stack([points[labels == j].mean(axis=0) if (labels == j).any() else centres[j] for j in range(12)])
    return [group[labels == j] for j in range(12) if (labels == j).any()]


def draw(random: np.random.Generator, rows: int) -> Array:
    return random.standard_normal((rows, DIM), np.float32)


def brute_force(points: Array, centroids: Array) -> npt.NDArray[np.int64]:
    """Nearest in float64: a product leaves candidates, with room for far more than its rounding; differences decide."""
    wide = centroids.astype(np.float64)
    norms = np.square(wide).sum(axis=1)
    scores = norms - 2 * points.astype(np.float64) @ wide.T
    room = 1e-9 * (norms.max() + np.square(points, dtype=np.float64).sum(axis=1))
    labels = np.empty(len(points), np.int64)
    for row, point in enumerate(points):
        near = np.flatnonzero(scores[row] <= scores[row].min() + room[row])
        labels[row] = near[np.square(point.astype(np.float64) - wide[near]).sum(axis=1).argmin()]
    return labels


def rivals(points: Array, centroids: Array) -> dict[str, Callable[[], Any]]:
    """What else gives the nearest centroid; everything that can be prepared once is prepared here."""
    import faiss
    import torch
    from sklearn.metrics import pairwise_distances_argmin

    index = faiss.IndexFlatL2(DIM)
    index.add(centroids)
    table, rows = torch.from_numpy(centroids), torch.from_numpy(points)
    half_norms = table.square().sum(1) / -2
    transposed, halved, rows_halved = table.T.contiguous(), table.bfloat16().T.contiguous(), rows.bfloat16()
    chunks = list(zip(table.T.split(2592, 1), half_norms.split(2592), strict=True))

    def chunked() -> Any:
        best = [torch.addmm(norms, rows, part).max(1) for part, norms in chunks]
        return torch.stack([one.values for one in best]).max(0)

    return {
        "faiss IndexFlatL2": lambda: index.search(points, 1),
        "scikit-learn pairwise_distances_argmin": lambda: pairwise_distances_argmin(points, centroids),
        "torch addmm.max": lambda: torch.addmm(half_norms, rows, transposed).max(1),
        "torch addmm.max chunked": chunked,
        "torch bf16 addmm.max": lambda: torch.addmm(half_norms.bfloat16(), rows_halved, halved).max(1),
        "torch matmul+argmax": lambda: (rows @ transposed + half_norms).argmax(1),
        "torch bf16 matmul+argmax": lambda: (rows_halved @ halved + half_norms).argmax(1),
        "torch cdist.argmin": lambda: torch.cdist(rows, table).argmin(1),
    }


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(points: Array, index: NearestCentroids, others: dict[str, Callable[[], Any]], pairs: int) -> dict[str, Any]:
    ours = lambda: index.search(points)  # noqa: E731
    own: list[float] = []
    results: dict[str, Any] = {}
    for name, call in others.items():
        call()
        ours()
        taken = [(seconds(ours), seconds(call)) for _ in range(pairs)]
        own += [a for a, _ in taken]
        low, middle, high = statistics.quantiles([b / a for a, b in taken], n=4)
        results[name] = {
            "median_ms": round(1e3 * statistics.median(b for _, b in taken), 3),
            "ratio": [round(value, 3) for value in (low, middle, high)],
        }
    low, middle, high = statistics.quantiles([seconds(ours) for _ in range(pairs)], n=4)
    return {
        "ours_ms": round(1e3 * statistics.median(own), 3),
        # Without a rival in turn, which leaves its own data in the caches.
        "alone_ms": [round(1e3 * value, 3) for value in (low, middle, high)],
        "others": results,
    }


def measure() -> dict[str, Any]:
    """Every figure, or none for data on which a label is wrong."""
    versions = environment("faiss-cpu", "scikit-learn", "torch", "numpy")
    results: dict[str, Any] = {"environment": versions | {"kernels": _native.nearest_kernel(cpu_path())}}
    for make in (clustered, noise, gaussian):
        centroids, points = make(np.random.default_rng(0), max(PAIRS))
        index = NearestCentroids(centroids)
        packing = seconds(index.packed)
        right = bool((index.search(points[:CHECKED])[0] == brute_force(points[:CHECKED], centroids)).all())
        found: dict[str, Any] = {"leaves": len(centroids), "labels_equal_float64": right}
        results[make.__name__] = found
        if not right:
            continue
        codes = np.ones(centroids.size // 8, np.int64)
        found |= {"packed_bytes": index.packed().packed_bytes, "packing_s": round(packing, 3)}
        for rows, pairs in PAIRS.items():
            # A sum over as many bytes as all codes have, one for each value: the time to read them once, on one core.
            others = rivals(points[:rows], centroids) | {"read all codes once": codes.sum}
            found[f"n{rows}"] = compare(points[:rows], index, others, pairs)
    return results


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
