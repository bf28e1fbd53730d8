"""`manifest.json`: the sha256 of every file of a model folder but itself and the compiled engines."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError
from videobert.model.folder import MANIFEST_VERSION
from videobert.model.mending import MANIFEST

_ENGINES = "engines"


def model_files(folder: Path) -> list[str]:
    """Names of the files that belong to a model folder, relative, sorted; hidden files and `engines/` do not.

    Raises:
        ModelError: a link leads out of the folder.
    """
    root = folder.resolve()
    names = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() or parts[0] == _ENGINES or parts == (MANIFEST,) or any(p.startswith(".") for p in parts):
            continue
        if not path.resolve().is_relative_to(root):
            raise ModelError(
                "a file of the model folder is a link that leads out of it",
                seen="/".join(parts),
                fix="Replace the link by the file.",
            )
        names.append("/".join(parts))
    return sorted(names)


def write_manifest(folder: Path) -> None:
    """Write `manifest.json` for what the folder holds now."""
    files = {}
    for name in model_files(folder):
        with (folder / name).open("rb") as file:
            files[name] = hashlib.file_digest(file, "sha256").hexdigest()
    text = json.dumps({"format": MANIFEST_VERSION, "files": files}, indent=2) + "\n"
    write_atomically(folder / MANIFEST, lambda path: path.write_text(text, encoding="utf-8"))
