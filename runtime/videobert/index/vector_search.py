"""The nearest vectors of a snapshot: exactly where there are few; else by cells, and exactly among what those give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.index.cells import Cells
from videobert.index.faiss_library import faiss_library, faiss_threads

Vectors = npt.NDArray[np.float32]
# Candidates of the cells, which know vectors to a byte a value, for each row that is wanted.
_CANDIDATES = 10
_LEAST_CANDIDATES = 100
# Fewer values are multiplied sooner than a second thread is woken.
_ONE_THREAD_BELOW = 1 << 25


class VectorSearch:
    """Finds rows by the dot product of their vectors with a query. Thread-safe.

    Args:
        vectors: float32 `(n, width)`, as mapped.
        alive: bool `(n,)`, rows that may be found.
        cells: of the first vectors; None where there are none.

    Attributes:
        in_cells: how many vectors those have.
    """

    def __init__(self, vectors: Vectors, alive: npt.NDArray[np.bool_], cells: Cells | None) -> None:
        self._vectors, self._alive, self._cells = vectors, alive, cells
        self.in_cells = 0 if cells is None else cells.vectors
        self._dead_behind = int((~alive[self.in_cells :]).sum())
        self._some_dead = not bool(alive[: self.in_cells].all())

    def nearest(
        self, query: Vectors, count: int, threads: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Rows, best first, and their dot products; at most `count`.

        Args:
            query: float32 `(width,)`.

        Raises:
            EngineUnavailable: faiss is not installed.
            ModelError: the index is damaged.
        """
        found = [self._exact(query, count, threads)]
        if self._cells is not None:
            wanted = max(_LEAST_CANDIDATES, _CANDIDATES * count)
            alive = self._alive[: self.in_cells] if self._some_dead else None
            found.append(self._cells.nearest(query, wanted, alive, threads))
        rows = np.concatenate(found)
        rows = rows[self._alive[rows]]
        products = self._vectors[rows] @ query
        # What is damaged to no number comes last.
        order = np.argsort(-np.nan_to_num(products, nan=-np.inf), kind="stable")[:count]
        return rows[order], products[order]

    def _exact(self, query: Vectors, count: int, threads: int | None) -> npt.NDArray[np.int64]:
        """Rows behind those in cells; all, where there are none."""
        faiss = faiss_library()
        rest = self._vectors[self.in_cells :]
        wanted = min(len(rest), count + self._dead_behind)
        if not wanted:
            return np.empty(0, np.int64)
        with faiss_threads(faiss, 1 if rest.size < _ONE_THREAD_BELOW else threads):
            _, rows = faiss.knn(
                np.ascontiguousarray(query[None]), np.ascontiguousarray(rest), wanted, metric=faiss.METRIC_INNER_PRODUCT
            )
        kept: npt.NDArray[np.int64] = rows[0][rows[0] >= 0] + self.in_cells
        return kept
