"""Exact nearest centroid on a GPU from compiled kernels: no torch, no Triton.

What to launch comes as data with the kernels; this follows it and decides nothing.
"""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.cuda.cubin_library import CubinLibrary
from videobert.cuda.driver import CudaDriver, DeviceBuffer
from videobert.cuda.kernels_sidecar import DTYPE_BYTES, PlannedRange, size_of

_POINTS = "points"


class CudaNearest:
    """One search over one codebook, with its centroids on the device. Safe to use from several threads, in turns.

    Buffers grow to the largest call so far and are kept, so that calls of a steady size allocate nothing.

    Args:
        driver: the device.
        library: its kernels.
        codebook_hash: `Codebook.hash` of the codebook that is meant.
        method: `"flat"`, or `"tree"` for the descent.

    Raises:
        ModelError: the library has no such search.
        MismatchError: the search belongs to another codebook.
    """

    def __init__(self, driver: CudaDriver, library: CubinLibrary, codebook_hash: str, method: str = "flat") -> None:
        self._driver, self._library = driver, library
        self._search, content = library.search(method, codebook_hash)
        self._stream = driver.stream()
        self._lock = threading.Lock()
        self._buffers: dict[str, DeviceBuffer] = {}
        self._pinned: dict[str, npt.NDArray[Any]] = {}
        for stored in self._search.inputs:
            size = prod(stored.shape) * DTYPE_BYTES[stored.dtype]
            array = np.frombuffer(content, np.uint8, size, stored.offset)
            self._buffers[stored.name] = driver.allocate(size)
            driver.upload(self._buffers[stored.name], array, self._stream)
        self._stream.synchronize()

    def assign(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The visual token of each feature, and its distance to that token's centroid; see `Codebook.assign`.

        Args:
            features: float32 `(n, dim)`; n may be 0. A row with a value that is not finite gets -1 and NaN.

        Returns:
            int32 `(n,)` ids and float32 `(n,)` Euclidean distances.

        Raises:
            InputError: wrong shape or type.
            DeviceError: the GPU failed.
        """
        search = self._search
        if features.ndim != 2 or features.shape[1] != search.dim or features.dtype != np.float32:
            raise InputError(
                "features do not fit this codebook",
                seen=f"{features.dtype}{features.shape}",
                allowed=f"float32 (n, {search.dim})",
            )
        ids = np.empty(len(features), np.int32)
        distances = np.empty(len(features), np.float32)
        step = search.ranges[-1].most_rows
        with self._lock:
            for start in range(0, len(features), step):
                part = slice(start, min(start + step, len(features)))
                self._assign(features[part], ids[part], distances[part])
        return ids, distances

    def _assign(
        self, features: npt.NDArray[np.float32], ids: npt.NDArray[np.int32], distances: npt.NDArray[np.float32]
    ) -> None:
        rows = len(features)
        planned = next(each for each in self._search.ranges if rows <= each.most_rows)
        self._reserve(planned, rows)
        points = self._staged(_POINTS, features.size, np.dtype(np.float32))
        points[...] = features.reshape(-1)
        self._driver.upload(self._buffers[_POINTS], points, self._stream)
        for launch in planned.launches:
            x, y, z = (size_of(size, rows) for size in launch.grid)
            values = [
                self._buffers[value].address if isinstance(value, str) else size_of(value, rows)
                for value in launch.arguments
            ]
            self._library.launch(launch.kernel, (x, y, z), values, self._stream)
        found = [self._fetched("labels", rows, np.dtype(np.int32)), self._fetched("distances", rows, distances.dtype)]
        self._stream.synchronize()
        ids[...], distances[...] = found

    def _reserve(self, planned: PlannedRange, rows: int) -> None:
        for buffer in planned.buffers:
            needed = prod(buffer.shape_for(rows)) * DTYPE_BYTES[buffer.dtype]
            held = self._buffers.get(buffer.name)
            if held is None or held.size_bytes < needed:
                if held is not None:
                    del self._buffers[buffer.name]
                    held.free()
                self._buffers[buffer.name] = self._driver.allocate(_rounded(needed))

    def _staged(self, name: str, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        held = self._pinned.get(name)
        if held is None or held.size < count:
            held = self._pinned[name] = self._driver.pinned((_rounded(count),), dtype)
        return held[:count]

    def _fetched(self, name: str, rows: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        target = self._staged(name, rows, dtype)
        self._driver.download(target, self._buffers[name], self._stream)
        return target


def _rounded(size: int) -> int:
    """The next power of two, so that a slowly growing batch does not allocate every time."""
    return 1 << max(0, size - 1).bit_length()
