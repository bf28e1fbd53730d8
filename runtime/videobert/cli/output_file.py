"""Files that a verb writes: looked at before any work is done for them, and written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from videobert.base.atomic import write_atomically
from videobert.base.errors import UsageError
from videobert.cli.notes import note

if TYPE_CHECKING:
    from videobert.cli.parser.options import CommonOptions


def check_writable(path: Path | None, option: str) -> None:
    """Refuses an output path that cannot be written, before any work is done for it.

    Raises:
        UsageError: the folder does not exist or may not be written to, or the path is a folder, a device, a pipe or no
            name for a file.
    """
    if path is None:
        return
    try:
        os.stat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{option} cannot be written: {reason}", seen=str(path), fix="Choose another name.") from error
    if os.path.isdir(path):
        raise UsageError(f"{option} is a folder", seen=str(path), fix="Give the name of a file in it.")
    if os.path.exists(path) and not os.path.isfile(path):
        # A file that appears whole takes the place of what was there.
        raise UsageError(f"{option} is a device or a pipe", seen=str(path), fix="Give the name of a file.")
    _check_parent(path.absolute().parent, option)


def check_folder(path: Path, option: str) -> None:
    """Refuses a folder that files cannot be written to, before any work is done for them, and makes it if needed.

    Raises:
        UsageError: it is a file, may not be written to, or lies in no folder.
    """
    if not os.path.isdir(path):
        if os.path.exists(path):
            raise UsageError(
                f"{option} is a file", seen=str(path), fix="Name a folder: several videos get a file each in it."
            )
        _check_parent(path.absolute().parent, option)
        try:
            path.mkdir()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"{option} cannot be made: {reason}", seen=str(path), fix="Choose another name."
            ) from error
    if not os.access(path, os.W_OK):
        raise UsageError(f"{option} may not be written to", seen=str(path), fix="Choose another folder.")


def _check_parent(folder: Path, option: str) -> None:
    if not os.path.isdir(folder):
        raise UsageError(f"the folder of {option} does not exist", seen=str(folder), fix="Make the folder first.")
    if not os.access(folder, os.W_OK):
        raise UsageError(
            f"the folder of {option} may not be written to", seen=str(folder), fix="Choose another folder."
        )


def write_output(path: Path, content: bytes, options: CommonOptions, *, holds: str = "") -> None:
    """Write a file, which appears whole or not at all, and say so.

    Args:
        holds: what is in it, for the note.
    """
    write_atomically(path, lambda file: file.write_bytes(content))
    note(f"wrote {path}{holds and f': {holds}'}", options)
