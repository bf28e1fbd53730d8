"""How many threads numpy's matrix products may use, for the length of a block."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

# What OpenBLAS calls it, as numpy's own wheels and as others build it.
_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "_64", "")


@contextmanager
def blas_threads(most: int) -> Iterator[None]:
    """While it lasts, OpenBLAS works with at most so many threads, in the whole process. Other libraries are let be."""
    controls = _openblas()
    before = controls[0]() if controls else 0
    if controls is None or before <= most:
        yield
        return
    controls[1](most)
    try:
        yield
    finally:
        controls[1](before)


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """The functions that tell and set the number of threads of the OpenBLAS that numpy has loaded."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    for path in sorted({line.split(maxsplit=5)[-1] for line in maps.splitlines() if "openblas" in line}):
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for prefix, suffix in ((prefix, suffix) for prefix in _PREFIXES for suffix in _SUFFIXES):
            names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
            if all(hasattr(library, name) for name in names):
                return getattr(library, names[0]), getattr(library, names[1])
    return None
