"""Exact nearest centroids: the native core proposes with 8-bit codes and proven bounds, float64 decides."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from videobert.base.blas_threads import blas_threads
from videobert.base.cpu_path import cpu_path
from videobert.base.cpu_threads import thread_count
from videobert.base.native import native_core

if TYPE_CHECKING:
    from videobert import _native

# Most directions kept by the projections (with the length of the rest, 256 codes), and the size from which they pay.
_MOST_DIRECTIONS = 255
_FEWEST_CENTROIDS = 2048
_FEWEST_VALUES = 256
_SAMPLE = 2048
_PASSES = 3

Matrix = npt.NDArray[np.float32]
Answer = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]


def nearest(points: Matrix, centroids: Matrix, *, threads: int | None = None, path: str | None = None) -> Answer:
    """For each point the index of its nearest centroid and the squared distance to it, as `NearestCentroids.search`."""
    return NearestCentroids(centroids, threads=threads).search(points, threads=threads, path=path)


class NearestCentroids:
    """Centroids, packed for search when they are first searched; safe to use from many threads.

    Packing 20,736 centroids of 1024 values takes half a second to a second on two cores, as long as some tens of
    searches for a thousand points, and 0.6 of the bytes of the centroids, which are referred to and must not change.

    Args:
        centroids: finite float32 `(k, dim)`, k >= 1.
        threads: for the packing; see `search`. None for those of the first search.
    """

    def __init__(self, centroids: Matrix, *, threads: int | None = None) -> None:
        self._centroids = np.ascontiguousarray(centroids, np.float32)
        self._threads = threads
        self._lock = threading.Lock()
        self._index: _native.NearestIndex | None = None

    def search(self, points: Matrix, *, threads: int | None = None, path: str | None = None) -> Answer:
        """For each point the index of its nearest centroid and the squared distance to it.

        The answer is that of float64 brute force over `sum((point - centroid) ** 2)`, ties to the lowest index. It does
        not depend on the other rows, on the number of threads or on the path.

        Args:
            points: finite float32 `(n, dim)`; n may be 0.
            threads: most threads to use; None for OMP_NUM_THREADS or the CPU quota, else the processors of this
                process.
            path: see `cpu_path`.

        Returns:
            int64 `(n,)` and float64 `(n,)`.

        Raises:
            EngineUnavailable: see `cpu_path`.
        """
        chosen, count = cpu_path(path), thread_count(threads or None)
        return self.packed(count).search(np.ascontiguousarray(points, np.float32), count, chosen)

    def within(
        self, point: npt.NDArray[np.float32], distance: float, *, threads: int | None = None, path: str | None = None
    ) -> npt.NDArray[np.int64]:
        """Indices of the centroids that are at most so far from a point, rising: those of float64 brute force.

        Where few are, it takes about as long as `search` for one point.

        Args:
            point: finite float32 `(dim,)`.
            distance: Euclidean.
            threads: for the packing; see `search`.
            path: see `cpu_path`.

        Raises:
            EngineUnavailable: see `cpu_path`.
        """
        chosen = cpu_path(path)
        return self.packed(threads).within(np.ascontiguousarray(point, np.float32), distance, chosen)

    def packed(self, threads: int | None = None) -> _native.NearestIndex:
        """The packed form, made by the first call, with as many threads as this object was made with, else as here."""
        with self._lock:
            if self._index is None:
                core, count = native_core(), thread_count(self._threads or threads or None)
                with blas_threads(count):
                    basis = directions(self._centroids)
                self._index = core.NearestIndex(self._centroids, basis, count)
            return self._index


class NearestTree:
    """A tree of centroids, gone down from the root to a leaf; safe to use from many threads.

    Args:
        tables: centroids of each level, the leaves last; finite float32 `(nodes, dim)`. Referred to, not copied.
        offsets: of each level but the last: int64 `(nodes + 1,)`; the children of node i are nodes `offsets[i]` to
            `offsets[i + 1] - 1` of the next level.
    """

    def __init__(self, tables: Sequence[Matrix], offsets: Sequence[npt.NDArray[np.int64]]) -> None:
        contiguous = [np.ascontiguousarray(table, np.float32) for table in tables]
        self._tree = native_core().NearestTree(contiguous, [np.ascontiguousarray(o, np.int64) for o in offsets])

    def search(self, points: Matrix, *, threads: int | None = None, path: str | None = None) -> Answer:
        """The leaf at which each point ends, going to the nearest child at every level, and the squared distance to it.

        Arguments, errors and exactness as in `NearestCentroids.search`.
        """
        chosen = cpu_path(path)
        answer: Answer = self._tree.search(
            np.ascontiguousarray(points, np.float32), thread_count(threads or None), chosen
        )
        return answer


def directions(centroids: Matrix) -> Matrix:
    """Directions in which the centroids differ most, orthonormal rows: float32 `(m, dim)`; m is 0 where none pay.

    The leading principal directions of a sample, by subspace iteration. How good they are decides how much a search
    skips, never what it finds.
    """
    count, dim = centroids.shape
    if count < _FEWEST_CENTROIDS or dim < _FEWEST_VALUES:
        return np.empty((0, dim), np.float32)
    sample = centroids[:: max(1, count // _SAMPLE)].astype(np.float64)
    sample -= sample.mean(axis=0)
    greatest = np.abs(sample).max()
    scaled = (sample / greatest if greatest > 0 else sample).astype(np.float32)
    covariance = scaled.T @ scaled
    # A quarter of the values, but half of them in short vectors, in whole registers of 64 codes.
    kept = min(_MOST_DIRECTIONS, max(2, dim // 256) * 64 - 1)
    basis = np.random.default_rng(0).normal(size=(dim, kept)).astype(np.float32)
    for _ in range(_PASSES):
        basis = np.linalg.qr(covariance @ basis)[0]
    return np.ascontiguousarray(basis.T, np.float32)
