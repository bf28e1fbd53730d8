"""Visual tokens from features on the GPU: exact, whoever proposes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.cuda.driver import CudaDriver
from videobert.cuda.nearest import CudaNearest
from videobert.engines.tensorrt.model_kernels import open_model_kernels
from videobert.model.folder import ModelFolder
from videobert.visual.codebook import Assignment, Codebook

Features = npt.NDArray[np.float32]
Tokens = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]
Propose = Callable[[Features], tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]

# Unit roundoff of float32, and operations beside the products of a score.
_ROUNDOFF = 2.0**-24
_EXTRA = 8


class ExactNearest:
    """Candidates from an engine with float32 products, decided in float64; a row that they do not settle is searched.

    Candidates settle a row if the best of them is nearer than the worst of them can make anything that is not among
    them: rounding of the engine's scores is bounded, whatever the order it adds in.

    Args:
        propose: scores and ids of the nearest candidates of each feature, scores ascending; see `nearest_graph`.
        codebook: what they are candidates of.
        threads: for what is searched on the CPU, see `Codebook.assign`.
    """

    def __init__(self, propose: Propose, codebook: Codebook, *, threads: int | None = None) -> None:
        self._propose, self._codebook, self._threads = propose, codebook, threads
        self._leaves = codebook.leaves.astype(np.float64)
        self._longest = float(np.sqrt((self._leaves**2).sum(axis=1).max()))
        terms = codebook.leaves.shape[1] + _EXTRA
        self._relative = terms * _ROUNDOFF / (1 - terms * _ROUNDOFF)

    def assign(self, features: Features, method: Assignment = "flat") -> Tokens:
        """See `Codebook.assign`."""
        if method != "flat" or not _codebook_takes(self._codebook, features):
            return self._codebook.assign(features, method, threads=self._threads)
        lifted = self._codebook.lift(features)
        scores, found = self._propose(np.ascontiguousarray(lifted, np.float32))
        if found.size and (found.min() < 0 or found.max() >= len(self._leaves)):
            return self._codebook.assign(features, threads=self._threads)
        # Ascending ids, so that the first of equal distances is the lowest.
        found = np.sort(found, axis=1)
        points = lifted.astype(np.float64)
        squared = ((points[:, None] - self._leaves[found]) ** 2).sum(axis=2)
        best = squared.argmin(axis=1)
        rows = np.arange(len(features))
        ids, nearest = found[rows, best].astype(np.int32), squared[rows, best]
        open_rows = ~self._settled(points, scores.max(axis=1).astype(np.float64), nearest, found.shape[1])
        distances = np.minimum(np.sqrt(nearest), np.finfo(np.float32).max).astype(np.float32)
        if open_rows.any():
            ids[open_rows], distances[open_rows] = self._codebook.assign(features[open_rows], threads=self._threads)
        return ids, distances

    def _settled(
        self, points: npt.NDArray[np.float64], worst: npt.NDArray[np.float64], nearest: Any, candidates: int
    ) -> npt.NDArray[np.bool_]:
        if candidates == len(self._leaves):
            return np.ones(len(points), np.bool_)
        lengths = np.sqrt((points**2).sum(axis=1))
        error = 4 * self._relative * self._longest * (self._longest + 2 * lengths)
        settled: npt.NDArray[np.bool_] = nearest - lengths**2 + error < worst
        return settled


def _codebook_takes(codebook: Codebook, features: Features) -> bool:
    """Whether the codebook would take them; if not, its own error says why."""
    return (
        features.ndim == 2
        and len(features) > 0
        and features.shape[1] == codebook.dim
        and features.dtype == np.float32
        and bool(np.isfinite(features).all())
    )


class CubinNearest:
    """The compiled kernels, which decide exactly on the device.

    Attributes:
        threads: for what is searched on the CPU, see `Codebook.assign`.
    """

    def __init__(self, driver: CudaDriver, folder: ModelFolder, codebook: Codebook, *, trusted: bool) -> None:
        self._codebook = codebook
        self.threads: int | None = None
        library = open_model_kernels(folder, driver, trusted=trusted)
        self._searches = {
            method: CudaNearest(driver, library, codebook.hash, method) for method in library.sidecar.searches
        }
        library.load_all()

    def assign(self, features: Features, method: Assignment = "flat") -> Tokens:
        """See `Codebook.assign`."""
        if method not in self._searches or not _codebook_takes(self._codebook, features):
            return self._codebook.assign(features, method, threads=self.threads)
        return self._searches[method].assign(np.ascontiguousarray(self._codebook.lift(features)))
