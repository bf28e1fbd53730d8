"""How the tokenizer beside a checkpoint is found and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TokenizerKind:
    """What an importer needs to know of the tokenizers that belong to its checkpoints.

    Args:
        find: the tokenizer file in a folder, if it has one.
        read: the content of a `tokenizer.json` from such a file; adds to the notes what the reader should know.
        files: what is looked for, for an error.
    """

    find: Callable[[Path], Path | None]
    read: Callable[[Path, list[str] | None], bytes]
    files: str
