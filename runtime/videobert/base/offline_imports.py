"""Imports of libraries that would report to someone or start a process where they are imported plainly.

What is changed for the length of an import is put back: the rest of the process finds what it had.
"""

from __future__ import annotations

import ctypes.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TELEMETRY = "openvino_telemetry"
_NOTHING = object()


_importing = threading.Lock()


def openvino_library() -> Any:
    """The module `openvino`, the first import of it without its telemetry. Thread-safe.

    Imported plainly it reports to an analytics host from a forked process, and leaves a client's number in the home
    folder. Where the package that does so cannot be imported, OpenVINO takes a stub of its own instead, once and for
    the whole process. Whoever imports that package for purposes of their own gets it afterwards as before.

    Raises:
        ImportError: OpenVINO is not installed, or does not load.
    """
    with _importing:
        if "openvino" in sys.modules:  # someone was here before: what their import did is done
            import openvino

            return openvino
        before: Any = sys.modules.get(_TELEMETRY, _NOTHING)
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # the import system's word for "there is none"
        try:
            import openvino

            return openvino
        finally:
            if before is _NOTHING:
                sys.modules.pop(_TELEMETRY, None)
            else:
                sys.modules[_TELEMETRY] = before


@contextmanager
def no_library_search() -> Iterator[None]:
    """Around an import of torch or of cuda-bindings, which bring in `cuda.pathfinder`. Thread-safe.

    That asks `ctypes.util.find_library` where libdl is, which starts ldconfig and, if that does not know, a compiler;
    on Linux the name never changes. Other threads, and questions for other names, are answered as always.
    """
    _SEARCH.enter()
    try:
        yield
    finally:
        _SEARCH.leave()


class _Search:
    """`ctypes.util.find_library` with the answer known beforehand, for the threads that are inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: list[int] = []
        self._plain: Any = ctypes.util.find_library

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._plain = ctypes.util.find_library
                ctypes.util.find_library = self._find
            self._inside.append(threading.get_ident())

    def leave(self) -> None:
        with self._lock:
            self._inside.remove(threading.get_ident())
            if not self._inside:
                ctypes.util.find_library = self._plain

    def _find(self, name: str) -> str | None:
        if name == "dl" and threading.get_ident() in self._inside:
            return "libdl.so.2"
        found: str | None = self._plain(name)
        return found


_SEARCH = _Search()
