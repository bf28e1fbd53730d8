"""Labelled videos from a folder that has one folder for each class."""

from __future__ import annotations

import os
from pathlib import Path

from videobert.base.errors import InputError, UsageError
from videobert_modeling.learn.data.problems import Problems
from videobert_modeling.learn.data.stretch import (
    LABEL_RULE,
    QUESTION_RULE,
    Stretch,
    is_label,
    is_question,
    question_of,
)

MOST_VIDEOS = 100_000


def read_class_folders(folder: Path, question: str | None = None) -> tuple[Stretch, ...]:
    """Every file of every folder in `folder`, whole, labelled with the name of its folder; by name.

    Hidden files and folders are left out, and folders in a class's folder are searched too.

    Args:
        question: its name; the nearest to the name of `folder` if not given.

    Raises:
        InputError: there are no classes or no files, or the name of one is no label.
        UsageError: `question` is no name of a question.
    """
    name = question if question is not None else question_of(folder.absolute().name)
    if not is_question(name):
        raise UsageError(
            "this is no name for a question",
            seen=question if question is not None else folder.absolute().name,
            allowed=QUESTION_RULE,
            fix="Pass question=….",
            fix_cli="Pass --question NAME.",
        )
    problems = Problems(folder.name or str(folder))
    stretches: list[Stretch] = []
    try:
        classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
    except OSError as error:
        raise InputError(
            "the data cannot be read", seen=f"{folder}: {error.strerror or error}", fix="Check the path."
        ) from error
    for label in classes:
        if not is_label(label):
            problems.add(f"the folder {label!r}", f"its name is a label, and must be {LABEL_RULE}")
            continue
        found = _files(folder / label, MOST_VIDEOS - len(stretches))
        if not found:
            problems.add(f"the folder {label!r}", "there is no file in it")
        for path in found:
            its = str(path.relative_to(folder))
            stretches.append(Stretch(video=path, name=its, labels={name: label}, where=f"the folder {label}"))
    problems.raise_any("Rename or remove these folders.")
    if not stretches:
        raise InputError(
            "there are no classes in this folder",
            seen=str(folder),
            allowed="a folder for each class, named as its label, with videos in it; or a .jsonl file",
            fix="Make a folder for each class.",
        )
    return tuple(stretches)


def _files(folder: Path, most: int) -> list[Path]:
    found: list[Path] = []
    for inner, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            path = Path(inner, name)
            # A pipe or a device would be waited for.
            if name.startswith(".") or not path.is_file():
                continue
            if len(found) == most:
                raise InputError(
                    "there are too many files in this folder",
                    seen=str(folder),
                    allowed=f"{MOST_VIDEOS} in all classes together",
                    fix="Learn from fewer, or check that it is the right folder.",
                )
            found.append(path)
    return found
