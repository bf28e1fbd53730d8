from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

def cpu_features() -> dict[str, bool]: ...
def cpu_path(asked: str = "") -> str: ...
def cpu_paths() -> list[str]: ...
def nearest_kernel(path: str) -> str: ...

class CpuPathRefused(ValueError):
    # Why, and the word.
    args: tuple[str, str]

class ClipTransform:
    def __init__(
        self,
        *,
        components: Sequence[tuple[int, int, int, int, int, float, float]],
        bits: int,
        resized: tuple[int, int],
        crop: tuple[int, int],
        turn: tuple[bool, bool, bool],
        colour: Sequence[Sequence[float]],
        path: str = "",
        tone_map: tuple[Any, ...] | None = None,
        averaged: bool = False,
    ) -> None: ...
    def __call__(self, planes: Sequence[Any], line_sizes: Sequence[int], square: Any) -> None: ...

class NearestIndex:
    def __init__(self, centroids: npt.NDArray[np.float32], basis: npt.NDArray[np.float32], threads: int) -> None: ...
    def search(
        self, points: npt.NDArray[np.float32], threads: int, path: str
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]: ...
    def within(self, point: npt.NDArray[np.float32], distance: float, path: str) -> npt.NDArray[np.int64]: ...
    @property
    def packed_bytes(self) -> int: ...

class NearestTree:
    def __init__(self, tables: Sequence[npt.NDArray[np.float32]], offsets: Sequence[npt.NDArray[np.int64]]) -> None: ...
    def search(
        self, points: npt.NDArray[np.float32], threads: int, path: str
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]: ...
