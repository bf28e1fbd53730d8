"""Folders that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from videobert.base.atomic import new_folder_atomically
from videobert.base.errors import UsageError


def is_free(out: Path) -> bool:
    """Whether nothing lies there but perhaps an empty folder."""
    return not out.exists() or (out.is_dir() and not any(out.iterdir()))


def require_new(out: Path) -> None:
    """Refuse to write over something.

    Raises:
        UsageError: `out` exists and is not an empty folder.
    """
    if not is_free(out):
        raise UsageError("the place to write to is taken", seen=str(out), fix="Name a new one with --out.")


def write_whole(out: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a new folder beside `out`, then put it in its place: `out` appears whole or not at all."""
    require_new(out)
    new_folder_atomically(out, fill)
