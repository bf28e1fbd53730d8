"""The one next step that a problem of a model folder comes with."""

from __future__ import annotations

import shlex
from pathlib import Path

from videobert.base.errors import VideoBertError
from videobert.model.folder_parts import FolderParts

COPY_AGAIN = "Copy the folder again from where it came."


def run_verb(verb: str, root: Path) -> str:
    """A verb to run on the folder."""
    return f"Run `videobert {verb} {shlex.quote(str(root))}`."


def add_error(parts: FolderParts, error: VideoBertError, name: str) -> None:
    """Keep what was wrong with the file `name` as a problem, with the error's own next step if it has one."""
    said = error.what + (f": {error.seen}" if error.seen is not None else "")
    parts.add(said, error.fix_cli or COPY_AGAIN, name)
