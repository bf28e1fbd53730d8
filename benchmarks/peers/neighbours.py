"""The nearest of the paper's 20,736 centroids, against what `benchmarks/cpu_nearest.py` measures in more shapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import cpu_nearest
from benchmarks.peers.case import Case, Contender, Measure, Prepared, Setting, versions
from videobert.visual.nearest import NearestCentroids

_TINY = 500
# The name in the table, its name among the rivals, whose version it is.
_PEERS = (
    ("faiss IndexFlatL2", "faiss IndexFlatL2", "faiss-cpu"),
    ("scikit-learn", "scikit-learn pairwise_distances_argmin", "scikit-learn"),
    ("torch, fp32", "torch addmm.max", "torch"),
    ("torch, bf16", "torch bf16 addmm.max", "torch"),
)


class Asked(NamedTuple):
    """Points and centroids, float32 `(n, 1024)`."""

    points: npt.NDArray[np.float32]
    centroids: npt.NDArray[np.float32]


def _peer(asked: Asked, rival: str, distribution: str) -> Contender:
    version = versions(distribution)
    call = cpu_nearest.rivals(asked.points, asked.centroids)[rival]
    return Contender(version=version, call=lambda: labels_of(call()))


def labels_of(answer: Any) -> npt.NDArray[np.int64]:
    """Labels as each library gives them: alone, beside distances, as named fields."""
    found = getattr(answer, "indices", answer[1] if isinstance(answer, tuple) else answer)
    return np.asarray(found, np.int64).reshape(-1)


def _prepared(make: Any, rows: int) -> Callable[[Setting], Prepared]:
    def prepare(setting: Setting) -> Prepared:
        centroids, points = make(np.random.default_rng(0), rows)
        if setting.tiny:
            centroids = centroids[:_TINY]
        index = NearestCentroids(centroids)
        exact = cpu_nearest.brute_force(points, centroids)

        def equal(labels: npt.NDArray[np.int64]) -> float:
            return float(np.mean(labels == exact)) if np.shape(labels) == exact.shape else 0.0

        return Prepared(
            ours=Contender(version=versions("numpy"), call=lambda: index.search(points)[0]),
            measure=Measure(name="share of labels equal to float64's", limit=1.0, better="more"),
            judge=equal,
            inputs=Asked(points, centroids),
        )

    return prepare


def cases() -> list[Case]:
    """Two kinds of data, one and 32 points."""
    peers = {name: partial(_peer, rival=rival, distribution=whose) for name, rival, whose in _PEERS}
    return [
        Case(
            name=f"nearest/{make.__name__}-{rows}",
            what=f"{rows} of 1,024 values among {cpu_nearest.LEAVES:,} centroids, `{make.__name__}`",
            prepare=_prepared(make, rows),
            peers=peers,
        )
        for make in (cpu_nearest.noise, cpu_nearest.gaussian)
        for rows in (1, 32)
    ]
