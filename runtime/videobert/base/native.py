"""The compiled part of the package, and what to say where it cannot be loaded."""

from __future__ import annotations

from types import ModuleType

from videobert.base.errors import EngineUnavailable


def native_core() -> ModuleType:
    """The module `videobert._native`.

    Raises:
        EngineUnavailable: it is missing, or made for another machine.
    """
    try:
        from videobert import _native as core
    except ImportError as error:
        raise EngineUnavailable(
            "the native part of videobert cannot be loaded",
            seen=error,
            fix="pip install --force-reinstall videobert",
        ) from error
    return core
