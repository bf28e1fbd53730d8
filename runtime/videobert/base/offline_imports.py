"""Imports of libraries that would report to someone or start a process where they are imported plainly.

What is changed for the length of an import is put back: the rest of the process finds what it had.
"""

from __future__ import annotations

import ctypes.util
import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TELEMETRY = "openvino_telemetry"
# OpenVINO's converter of foreign models is what imports telemetry, takes half of the time of OpenVINO's import, and is
# not used here. OpenVINO does without it where it cannot be imported.
_CONVERTER = "openvino.tools.ovc"
_OF_CONVERTER = ("convert_model", "tools")
_NOTHING = object()


_importing = threading.RLock()


def openvino_library() -> Any:
    """The module `openvino`, the first import of it without its telemetry and its converter. Thread-safe.

    Imported plainly it reports to an analytics host from a forked process, and leaves a client's number in the home
    folder. Where the package that does so cannot be imported, OpenVINO takes a stub of its own instead, once and for
    the whole process. Whoever imports that package for purposes of their own gets it afterwards as before, and whoever
    asks the module for `convert_model` or `tools` gets them then, with the stub.

    Raises:
        ImportError: OpenVINO is not installed, or does not load.
    """
    with _importing:
        if "openvino" in sys.modules:  # someone was here before: what their import did is done
            import openvino

            return openvino
        with _unimportable(_TELEMETRY), _unimportable(_CONVERTER):
            import openvino
        if not hasattr(openvino, _OF_CONVERTER[0]):
            openvino.__getattr__ = _of_converter
        return openvino


def _of_converter(name: str) -> Any:
    """What the converter would have added to the module `openvino`; asked where the module has no such attribute."""
    if name not in _OF_CONVERTER:
        raise AttributeError(f"module 'openvino' has no attribute {name!r}", name=name)
    with _importing, _unimportable(_TELEMETRY):
        try:
            converter = importlib.import_module(_CONVERTER)
        except ImportError as error:
            raise AttributeError(f"module 'openvino' has no attribute {name!r}: {error}", name=name) from error
    library = sys.modules["openvino"]
    library.convert_model = converter.convert_model  # type: ignore[attr-defined]
    return vars(library)[name]


@contextmanager
def _unimportable(name: str) -> Iterator[None]:
    """While it lasts, a module cannot be imported; one that was imported already is put back."""
    before: Any = sys.modules.get(name, _NOTHING)
    sys.modules[name] = None  # type: ignore[assignment]  # the import system's word for "there is none"
    try:
        yield
    finally:
        if before is _NOTHING:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before


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
