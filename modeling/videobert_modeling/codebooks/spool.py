"""Features of any number on disk, in bounded memory, checked on the way in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.visual.feature_rows import checked_rows

Progress = Callable[[str, int, int | None], None]
"""Called as `(stage, done, total)`; the total is None while it is not known."""

_BLOCK_BYTES = 16 * 2**20


class FeatureSpool:
    """Rows written once to a temporary file and read back in blocks; a context manager.

    Attributes:
        rows: how many rows were written.
        dim: width of a row; 0 before the first.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="videobert-cluster-", dir=directory)
        self._path = Path(self._directory.name) / "features.f32"
        self._data: np.memmap[tuple[int, ...], np.dtype[np.float32]] | None = None
        self.rows = 0
        self.dim = 0

    def __enter__(self) -> FeatureSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data = None
        self._directory.cleanup()

    def fill(self, features: Iterable[npt.ArrayLike], on_progress: Progress | None = None) -> None:
        """Write every `(n, D)` floating-point array of `features`, rounded to float32.

        Raises:
            InputError: no rows, another shape or kind of number, or a value that is NaN, infinite or beyond 1e15;
                the row is named by its place in the whole stream, from 0.
        """
        try:
            with self._path.open("wb") as file:
                for block in features:
                    self._taken(np.asarray(block)).tofile(file)
                    if on_progress:
                        on_progress("read", self.rows, None)
        except OSError as error:
            raise InputError(
                "the features could not be written to a temporary file",
                seen=error.strerror or str(error),
                fix="Free some disk space, or point TMPDIR at a larger disk.",
            ) from error
        if not self.rows:
            raise InputError("there are no features to cluster", fix="Pass at least one row.")
        self._data = np.memmap(self._path, np.float32, "r", shape=(self.rows, self.dim))

    def _taken(self, block: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        if block.ndim != 2 or block.shape[1] == 0 or not np.issubdtype(block.dtype, np.floating):
            raise InputError(
                "features must be floating-point arrays of shape (n, D)",
                seen=f"{block.dtype}{block.shape}",
                fix="Pass float16, float32 or float64 rows of one width.",
            )
        if self.dim and block.shape[1] != self.dim:
            raise InputError(
                f"features from row {self.rows} on have another width",
                seen=block.shape[1],
                allowed=self.dim,
                fix="Cluster only features of one backbone.",
            )
        rows = checked_rows(block, self.rows)
        self.dim = block.shape[1]
        self.rows += len(block)
        return rows

    def take(self, members: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The rows at `members`, copied into memory."""
        if self._data is None:
            raise InputError("the spool is empty", fix="Call fill() first.")
        return np.asarray(self._data[members])

    def blocks(self, members: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """The rows at `members`, a block at a time, each with its part of `members`."""
        step = max(1, _BLOCK_BYTES // (4 * self.dim))
        for start in range(0, len(members), step):
            part = members[start : start + step]
            yield part, self.take(part)
