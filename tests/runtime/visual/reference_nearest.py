"""The nearest centroid in numpy: a float32 product proposes, float64 decides. What the native core must equal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ROUNDING = 2.0**-24
_TINY = 2.0**-126
_SCORE_BLOCK = 1 << 22
_PAIR_BLOCK = 1 << 21


def reference_nearest(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    squared_norms: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """For each point the index of its nearest centroid and the squared distance to it.

    The answer is that of float64 brute force over `sum((point - centroid) ** 2)`, ties to the lowest index, and a
    row's answer does not depend on the other rows: the float32 product, whose rounding does depend on the block it
    is computed in, only picks candidates, with a margin that covers its worst rounding error.

    Args:
        points: finite float32 `(n, dim)`.
        centroids: finite float32 `(k, dim)`, k >= 1.
        squared_norms: float64 `(k,)`, `squared_norms_of(centroids)`, if the caller keeps it.

    Returns:
        int64 `(n,)` and float64 `(n,)`.
    """
    norms = squared_norms_of(centroids) if squared_norms is None else squared_norms
    ids = np.empty(len(points), np.int64)
    distances = np.empty(len(points), np.float64)
    rows = max(1, _SCORE_BLOCK // len(centroids))
    for start in range(0, len(points), rows):
        block = slice(start, start + rows)
        row, column = _candidates(points[block], centroids, norms)
        ids[block], distances[block] = _decide(points[block], centroids, row, column)
    return ids, distances


def squared_norms_of(centroids: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Squared length of each centroid, float64 `(k,)`."""
    norms: npt.NDArray[np.float64] = np.square(centroids, dtype=np.float64).sum(axis=1)
    return norms


def _candidates(
    points: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32], norms: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs (row, centroid), sorted, that contain every row's true nearest centroid."""
    dim = points.shape[1]
    # |fl(x·c) - x·c| <= dim·u·|x||c|, and underflow adds at most dim·tiny; then two roundings of the sum.
    length = np.sqrt(np.square(points, dtype=np.float64).sum(axis=1))
    longest = float(np.sqrt(norms.max()))
    product_error = 2 * (dim + 2) * (_ROUNDING * length * longest + _TINY)
    error = product_error + 4 * _ROUNDING * (longest**2 + 2 * length * longest)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = points @ centroids.T
        scores *= np.float32(-2)
        scores += norms.astype(np.float32)
        limit = scores.min(axis=1) + 2 * error
        # Values so large that float32 overflows leave the decision to float64 alone.
        limit[~np.isfinite(limit) | (longest**2 + 2 * length * longest > 1e37)] = np.inf
        keep = ~(scores > limit[:, None])
    row, column = np.nonzero(keep)
    return row.astype(np.int64), column.astype(np.int64)


def _decide(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    row: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    distance = np.empty(len(row), np.float64)
    step = max(1, _PAIR_BLOCK // points.shape[1])
    for start in range(0, len(row), step):
        pairs = slice(start, start + step)
        difference = points[row[pairs]].astype(np.float64)
        difference -= centroids[column[pairs]]
        distance[pairs] = np.square(difference, out=difference).sum(axis=1)
    first = np.searchsorted(row, np.arange(len(points)))
    best = np.minimum.reduceat(distance, first)
    at_best = np.flatnonzero(distance == best[row])
    winner = at_best[np.searchsorted(row[at_best], np.arange(len(points)))]
    return column[winner], best
