"""How far a feature is from having another token: its distance to the nearest plane between two centroids.

A feature that an engine got a little wrong has another token only if its error reaches over such a plane.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.visual.codebook import Assignment, Codebook

# Centroids that are looked at beside the nearest; one that is farther away is as good as never the nearest plane.
_MOST_RIVALS = 8
# Centroids near enough to matter that are looked at together; and room for the rounding of what tells them.
_AT_ONCE, _ROOM = 64, 1 + 1e-6

Vector = npt.NDArray[np.float32]


class NearestPlane(NamedTuple):
    """The plane between two centroids that lies nearest to a feature.

    Args:
        margin: distance to it, as a share of the feature's length; infinite where there is one centroid alone.
        normal: float64 `(dim,)`: the way to it, of length 1.
    """

    margin: float
    normal: npt.NDArray[np.float64]


class NearTies:
    """Planes between the centroids of a codebook. Thread-safe.

    Args:
        codebook: referred to, not copied, but for one number a centroid where a plane is asked for.
    """

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._flat = _Table(codebook.leaves)
        levels = codebook.levels or ()
        self._offsets = [level.offsets for level in levels]
        self._tree = [*(_Table(level.centroids) for level in levels), self._flat]

    def is_sure(
        self, feature: Vector, margin: float, method: Assignment = "flat", *, threads: int | None = None
    ) -> bool:
        """Whether no plane is nearer than a margin, found without looking at every centroid.

        Args:
            feature, method: see `nearest_plane`.
            margin: as a share of the feature's length.
            threads: see `Codebook.assign`.
        """
        if margin <= 0:
            return True
        if method != "flat" and self._offsets:
            return self.nearest_plane(feature, method).margin >= margin
        length = float(np.linalg.norm(feature.astype(np.float64)))
        if length == 0:
            return len(self._codebook) == 1
        reach = margin * length
        # The plane to a centroid at distance d lies (d² - n²) / 2g away, n being the distance to the nearest and g
        # that between both, at most d + n: so one with d > n + 2 reach is too far away to matter.
        nearest, rivals = self._codebook.near(feature, 2 * reach * _ROOM, threads=threads)
        leaves, dim = self._codebook.leaves, self._codebook.dim
        point, first = self._codebook.lift(feature[None])[0].astype(np.float64), leaves[nearest].astype(np.float64)
        for start in range(0, len(rivals), _AT_ONCE):
            some = rivals[start : start + _AT_ONCE]
            ways = leaves[some[some != nearest]].astype(np.float64) - first
            # Twice how far the point lies on this side of the plane, times the way's length.
            leads = (ways * (ways - 2 * (point - first))).sum(axis=1)
            lengths = np.linalg.norm(ways[:, :dim], axis=1)
            if (leads < 2 * reach * lengths).any() or (lengths == 0).any():
                return False
        return True

    def nearest_plane(self, feature: Vector, method: Assignment = "flat") -> NearestPlane:
        """The plane that an error crosses first.

        Args:
            feature: finite float32 `(dim,)`.
            method: see `Codebook.assign`; of `"tree"`, every level that is gone down counts.
        """
        point = self._codebook.lift(feature[None])[0]
        dim = self._codebook.dim
        if method == "flat" or not self._offsets:
            return self._flat.nearest_plane(point, dim, 0, len(self._codebook))[1]
        start, stop = 0, len(self._codebook.levels[0].centroids) if self._codebook.levels else 0
        planes = []
        for depth, table in enumerate(self._tree):
            node, plane = table.nearest_plane(point, dim, start, stop)
            planes.append(plane)
            if depth < len(self._offsets):
                start, stop = self._offsets[depth][node : node + 2].tolist()
        return min(planes, key=lambda plane: plane.margin)


class _Table:
    """Centroids, float32 `(n, dim)`, and half their squared lengths."""

    def __init__(self, centroids: npt.NDArray[np.float32]) -> None:
        self._centroids = centroids

    @cached_property
    def _halves(self) -> Vector:
        squares = np.einsum("ij,ij->i", self._centroids, self._centroids, dtype=np.float64)
        return np.asarray(squares / 2, np.float32)

    def nearest_plane(self, point: Vector, dim: int, start: int, stop: int) -> tuple[int, NearestPlane]:
        """The nearest of the centroids `start` to `stop - 1`, and the plane to another of them."""
        centroids = self._centroids[start:stop]
        scores = centroids @ point - self._halves[start:stop]
        nearest = int(scores.argmax())
        length = float(np.linalg.norm(point))
        if len(scores) == 1 or length == 0:
            return start + nearest, NearestPlane(np.inf if len(scores) == 1 else 0.0, np.zeros(dim))
        count = min(_MOST_RIVALS + 1, len(scores))
        rivals = np.argpartition(scores, -count)[-count:] if count < len(scores) else np.arange(count)
        rivals = rivals[rivals != nearest]
        # Features have no error in the column that lifts leaves.
        ways = centroids[rivals, :dim].astype(np.float64) - centroids[nearest, :dim]
        lengths = np.maximum(np.linalg.norm(ways, axis=1), np.finfo(np.float64).tiny)
        margins = (float(scores[nearest]) - scores[rivals].astype(np.float64)) / lengths
        first = int(margins.argmin())
        return start + nearest, NearestPlane(float(margins[first]) / length, ways[first] / lengths[first])
