"""Tests mirror the tree: who knows where a thing is knows where its tests are."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.house import House

# Beside the halves of the tree, tests of the whole.
WHOLE_TREE = {"test_clean_clone.py", "test_documentation.py", "test_examples.py", "test_needs_modeling.py"}
# Beside the rooms of the run side, tests of the run side as a whole.
WHOLE_RUN_SIDE = {
    "test_arguments.py",
    "test_arguments_of_data.py",
    "test_bundled.py",
    "test_damaged_folder.py",
    "test_everyday.py",
    "test_evidence_of_verbs.py",
    "test_memory.py",
    "test_offline.py",
    "test_progress.py",
    "test_runtime.py",
    "test_running_threads.py",
    "test_saved_across_cuts.py",
    "test_saved_answers.py",
    "test_without_codebook.py",
    "test_without_torch.py",
}


def subject(house: House, test: Path) -> Path | None:
    """The folder whose tests a file's folder holds; None for tests of the whole tree."""
    half, *rooms = test.parent.relative_to(house.tests).parts or ("",)
    homes = {"runtime": house.runtime, "modeling": house.modeling, "kernels": house.kernels}
    return homes[half].joinpath(*rooms) if half in homes else None


def without_a_counterpart(house: House) -> list[str]:
    """Tests in a folder that the tree does not have, or about something that does not stand there.

    A test belongs to the file or folder that its name begins with (`test_transform_formats.py` to `transform.py`), or
    to its room as a whole: then it speaks of the room by its dotted name, itself or in a file beside it that it uses.
    """
    stray = []
    for test in house.sources(house.tests):
        if not test.name.startswith("test_"):
            continue
        folder = subject(house, test)
        half = test.relative_to(house.tests).parts[0]
        if folder is None:
            known = half in WHOLE_TREE or half == "architecture" or (house.root / half).is_dir()
        elif not (folder / "__init__.py").is_file():
            known = False
        elif folder == house.runtime:
            known = test.name in WHOLE_RUN_SIDE
        else:
            known = _about(folder, test) or _speaks_of(house, folder, test)
        if not known:
            stray.append(house.shown(test))
    return stray


def _about(folder: Path, test: Path) -> bool:
    name = test.stem.removeprefix("test_")
    there = {path.stem.strip("_") for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()} | {folder.name}
    return any(name == each or name.startswith(f"{each}_") for each in there)


def _speaks_of(house: House, folder: Path, test: Path) -> bool:
    home = next(package for package in house.packages if folder.is_relative_to(package))
    dotted = ".".join(folder.relative_to(home.parent).parts)
    text = test.read_text(encoding="utf-8")
    beside = [path for path in test.parent.glob("*.py") if re.search(rf"\b{path.stem}\b", text) and path != test]
    texts = [text, *(path.read_text(encoding="utf-8") for path in beside)]
    return any(re.search(rf"\b{re.escape(dotted)}\b", each) for each in texts)


def test_every_test_has_a_counterpart(house: House) -> None:
    assert not without_a_counterpart(house)


def test_a_test_without_a_counterpart_is_seen(copy: House) -> None:
    before = set(without_a_counterpart(copy))
    copy.plant("tests/runtime/nowhere/test_errors.py", "import videobert.base.errors")
    copy.plant("tests/runtime/base/test_planted.py", "import videobert.model.folder")
    copy.plant("tests/runtime/test_planted.py", "import videobert.base.errors")
    copy.plant("tests/nowhere/test_planted.py")
    copy.plant("tests/test_planted.py")
    assert set(without_a_counterpart(copy)) - before == {
        "tests/nowhere/test_planted.py",
        "tests/runtime/base/test_planted.py",
        "tests/runtime/nowhere/test_errors.py",
        "tests/runtime/test_planted.py",
        "tests/test_planted.py",
    }


def test_a_test_of_a_file_and_one_of_a_room_are_known(copy: House) -> None:
    before = without_a_counterpart(copy)
    copy.plant("tests/runtime/base/test_errors_planted.py")
    copy.plant("tests/runtime/base/test_planted.py", "from videobert.base import errors")
    assert without_a_counterpart(copy) == before
