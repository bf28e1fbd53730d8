"""The way from a verb to the modeling side, and what is said where that is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from videobert.engines.compiler_folders import compiler_folders
from videobert.errors import EngineUnavailable
from videobert.offline_imports import no_library_search


@contextmanager
def modeling(verb: str, extra: str) -> Iterator[None]:
    """Around the use of a modeling module: a library that is missing becomes the command that installs it.

    Raises:
        EngineUnavailable: `extra`'s libraries are not installed.
    """
    try:
        with no_library_search(), compiler_folders(None):
            yield
    except ModuleNotFoundError as error:
        package = (error.name or str(error)).partition(".")[0]
        raise EngineUnavailable(
            f"`videobert {verb}` needs the Python package {package!r}, which is not installed",
            fix=f"Run `pip install 'videobert[{extra}]'`.",
        ) from error
