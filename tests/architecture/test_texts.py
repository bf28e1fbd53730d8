"""No path of one machine is written down in the texts of the project."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.architecture.house import ROOT

MACHINE_WORDS = re.compile(r"/work/|/root/|/\.library|/opt/(pypi|wheels)")


def our_texts() -> list[Path]:
    """The text files of the project; not what tools write beside them (caches name the folder that they stand in)."""
    suffixes = {".py", ".md", ".toml", ".txt", ".cpp", ".h", ".yaml", ".json", ""}
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name == ".ci" or not (name.startswith(".") or name in {"build", "dist", "__pycache__"})
        ]
        # `.git` is a file where the checkout is one of several of a repository.
        found += [Path(folder, name) for name in names if Path(name).suffix in suffixes and name != ".git"]
    return found


def test_the_texts_of_the_project_are_found_and_no_cache_among_them() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in our_texts()}
    assert {"README.md", "Makefile", ".ci/run", ".gitignore", "runtime/videobert/__init__.py"} <= found
    assert not [name for name in found if name.startswith((".hypothesis", ".venv", ".git/", "build/"))]


def test_no_path_of_one_machine_is_written_down() -> None:
    for path in our_texts():
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        match = MACHINE_WORDS.search(text)
        assert match is None, f"{path} names {match.group() if match else ''}"
