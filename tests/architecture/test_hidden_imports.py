"""Imports that a linter of statements cannot see: by name, and in code that is kept as text for a child process."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator

import pytest
from tests.architecture.house import ROOT, House
from tests.needs_modeling import LIBRARIES, OWN

# Children that try a library, so that it is never loaded here: what their code may import of the modeling side.
TRIALS = {"runtime/videobert/doctor/probes.py": {"torch", "triton", "videobert_kernels"}}
NEVER_OF_MODELING = {"cli", "serve", "doctor", "report", "tasks", "cuda"}


def layers(house: House) -> list[list[str]]:
    """The rooms of the run side from the top, as the contract has them."""
    contracts = tomllib.loads((house.root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = (contract["layers"] for contract in contracts if contract["id"] == "rooms")
    return [[room.strip("() ") for room in layer.split("|")] for layer in rooms]


def hidden(tree: ast.AST) -> Iterator[str]:
    """Modules that code imports by a name it has in full, or in code that it keeps as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield from (str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            try:
                text = ast.parse(node.value)
            except SyntaxError:  # prose
                continue
            for part in ast.walk(text):
                if isinstance(part, ast.Import):
                    yield from (alias.name for alias in part.names)
                elif isinstance(part, ast.ImportFrom):
                    yield from (f"{part.module}.{alias.name}" for alias in part.names)


def faults(house: House) -> list[str]:
    """Hidden imports that their statements would not be allowed."""
    level = {room: number for number, layer in enumerate(layers(house)) for room in layer}
    found = []
    for path in house.sources():
        shown = house.shown(path)
        for name in hidden(ast.parse(path.read_text(encoding="utf-8"))):
            package, room = (*name.split("."), "")[:2]
            if path.is_relative_to(house.kernels):
                wrong = package in {"videobert", "videobert_modeling"}
            elif path.is_relative_to(house.modeling):
                wrong = package == "videobert" and room in NEVER_OF_MODELING
            elif package in LIBRARIES | OWN:
                wrong = package not in TRIALS.get(shown, set())
            else:
                own = path.relative_to(house.runtime).parts[0].removesuffix(".py")
                wrong = package == "videobert" and room in level and room != own and level[room] <= level.get(own, -1)
            if wrong:
                found.append(f"{shown}: {name}")
    return found


def test_nothing_is_imported_behind_the_linters_back(house: House) -> None:
    assert not faults(house)


def test_the_packages_are_all_that_there_is(house: House) -> None:
    """A package beside them would have no layer."""
    for package in house.packages:
        assert [p.name for p in package.parent.iterdir() if p.is_dir() and p.name != "__pycache__"] == [package.name]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("runtime/videobert/base/planted.py", "importlib.import_module('videobert.cli')"),
        ("runtime/videobert/video/planted.py", "import_module('videobert.engines.base')"),
        ("runtime/videobert/model/planted.py", "def f():\n    return __import__('torch')"),
        ("runtime/videobert/engines/planted.py", "CODE = 'from videobert.cli.main import main\\nmain()'"),
        ("runtime/videobert/report/planted.py", "CODE = 'import videobert_modeling'"),
        ("modeling/videobert_modeling/models/planted.py", "import_module('videobert.cli.main')"),
        ("kernels/videobert_kernels/ops/planted.py", "import_module('videobert.base')"),
    ],
)
def test_what_is_hidden_is_seen(file: str, code: str, copy: House) -> None:
    copy.plant(file, code)
    assert [fault for fault in faults(copy) if fault.startswith(f"{file}: ")]


def test_prose_and_what_may_be_imported_are_no_fault(copy: House) -> None:
    before = faults(copy)
    copy.plant("runtime/videobert/cli/planted.py", "import_module('videobert.base.errors')")
    copy.plant("runtime/videobert/base/planted.py", '"""Nothing that this must import from videobert.cli is code."""')
    assert faults(copy) == before


def test_every_trial_is_there() -> None:
    assert all((ROOT / file).is_file() for file in TRIALS)
