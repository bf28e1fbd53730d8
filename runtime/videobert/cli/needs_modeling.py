"""The way from a verb to the modeling side, and what is said where that is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from videobert.base.errors import EngineUnavailable
from videobert.base.offline_imports import no_library_search
from videobert.engines.compiler_folders import compiler_folders


@contextmanager
def modeling_side(verb: str, extra: str) -> Iterator[None]:
    """Around the use of a modeling module: a library that is missing becomes the command that installs it.

    Raises:
        EngineUnavailable: `extra`'s libraries are not installed.
    """
    try:
        with no_library_search(), compiler_folders(None):
            yield
    except ModuleNotFoundError as error:
        raise _missing(verb, extra, (error.name or str(error)).partition(".")[0]) from error


def require_packages(verb: str, extra: str, *packages: str) -> None:
    """Whether libraries are installed, without importing them, which takes seconds.

    Raises:
        EngineUnavailable: one is not.
    """
    for package in packages:
        if find_spec(package) is None:
            raise _missing(verb, extra, package)


def _missing(verb: str, extra: str, package: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"`videobert {verb}` needs the Python package {package!r}, which is not installed",
        fix=f"Run `pip install 'videobert[{extra}]'`.",
    )
