"""Small files with names that say what is in them, each in a room."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.architecture.house import House

# All that stands beside the rooms of the run side.
LOOSE = {"__init__.py", "__main__.py", "_native.pyi", "py.typed", "runtime.py", "verbs.py"}
# Folders beside the rooms: the bundled model, and what Python and editors leave.
NO_ROOMS = {"bundled", "__pycache__"}
MOST_LINES, MOST_LINES_OF_A_TEST = 600, 900
# Names that hold anything, and so say nothing.
EMPTY_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def too_long(house: House) -> list[str]:
    return [
        f"{house.shown(path)}: {lines} lines"
        for path in house.sources(*house.packages, house.tests)
        if (lines := length(path)) > (MOST_LINES_OF_A_TEST if path.is_relative_to(house.tests) else MOST_LINES)
    ]


def test_files_stay_small(house: House) -> None:
    assert not too_long(house)


def test_a_file_that_is_too_long_is_seen(copy: House) -> None:
    copy.plant("runtime/videobert/base/planted.py", "\n" * 700)
    copy.plant("runtime/videobert/base/fits.py", "\n" * 600)
    copy.plant("tests/runtime/base/test_planted.py", "\n" * 901)
    seen = too_long(copy)
    assert {"runtime/videobert/base/planted.py: 700 lines", "tests/runtime/base/test_planted.py: 901 lines"} <= set(
        seen
    )
    assert not any("fits" in each for each in seen)


def test_most_source_files_are_a_page_or_two(house: House) -> None:
    lines = [length(path) for path in house.sources()]
    assert statistics.median(lines) <= 150
    assert statistics.quantiles(lines, n=10)[-1] <= 350


def loose(house: House) -> set[str]:
    """Files beside the rooms of the run side, and folders that are neither a room nor the bundled model."""
    files = {path.name for path in house.runtime.iterdir() if path.is_file() and path.suffix != ".so"}
    rooms = {path.name for path in house.runtime.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    folders = {path.name for path in house.runtime.iterdir() if path.is_dir()}
    return (files - LOOSE) | (folders - rooms - NO_ROOMS)


def test_nothing_lies_beside_the_rooms(house: House) -> None:
    assert not loose(house)


def test_what_lies_beside_the_rooms_is_seen(copy: House) -> None:
    copy.plant("runtime/videobert/planted.json", "{}")
    copy.plant("runtime/videobert/planted.py")
    copy.plant("runtime/videobert/planted_folder/data.txt")
    assert loose(copy) == {"planted.json", "planted.py", "planted_folder"}


def without_an_init(house: House) -> list[str]:
    """Folders with Python files that are no package: the linter of imports does not look into them."""
    folders = {path.parent for path in house.sources()}
    return sorted(house.shown(folder) for folder in folders if not (folder / "__init__.py").is_file())


def test_every_folder_is_a_package(house: House) -> None:
    assert not without_an_init(house)


def test_a_folder_that_is_no_package_is_seen(copy: House) -> None:
    copy.plant("runtime/videobert/base/planted/file.py", "import torch")
    assert without_an_init(copy) == ["runtime/videobert/base/planted"]


def empty_names(house: House) -> list[str]:
    paths = house.sources(*house.packages, house.tests)
    return [house.shown(path) for path in paths if EMPTY_NAMES & {path.stem, path.parent.name}]


def test_every_name_says_something(house: House) -> None:
    assert not empty_names(house)


def test_a_name_that_says_nothing_is_seen(copy: House) -> None:
    copy.plant("runtime/videobert/base/utils.py")
    copy.plant("tests/modeling/helpers/planted.py")
    assert empty_names(copy) == ["runtime/videobert/base/utils.py", "tests/modeling/helpers/planted.py"]
