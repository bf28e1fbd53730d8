"""faiss, on first use: an extra of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from videobert.base.errors import EngineUnavailable


def faiss_library() -> Any:
    """The module.

    Raises:
        EngineUnavailable: it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise EngineUnavailable(
            "searching needs faiss", seen=str(error), fix="Run `pip install 'videobert[search]'`."
        ) from error
    return faiss


@contextmanager
def faiss_threads(faiss: Any, threads: int | None) -> Iterator[None]:
    """faiss with so many threads in this block; None leaves it as it is."""
    before = faiss.omp_get_max_threads()
    if threads is None or threads >= before:
        yield
        return
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
