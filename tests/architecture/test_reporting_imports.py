"""Libraries that report to someone when they are imported, or start a process, are imported in one place each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.architecture.house import House

# Libraries that report to someone where they are imported plainly, and the one file that imports each.
REPORTING = {
    "openvino": "runtime/videobert/base/offline_imports.py",
    "onnxruntime": "modeling/videobert_modeling/export/portable/onnxruntime_library.py",
}

# What makes OpenVINO's core.
CORE = "runtime/videobert/base/openvino_core.py"


def names_imported(tree: ast.AST) -> Iterator[str]:
    """Top-level modules that code imports, by statement, by name, or in code that it keeps as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield from (str(each.value).split(".")[0] for each in node.args if isinstance(each, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for line in re.findall(r"^\s*(?:import|from) .+", node.value.replace(";", "\n"), re.MULTILINE):
                yield from re.findall(r"\w+", line)[1:]


def test_what_reports_to_someone_is_imported_in_one_place(house: House) -> None:
    folders = (*house.packages, *(house.root / name for name in ("benchmarks", "examples", "tests")))
    for path in set(house.sources(*folders)) - {Path(__file__)}:
        imported = set(names_imported(ast.parse(path.read_text(encoding="utf-8"))))
        plainly = {name for name, home in REPORTING.items() if name in imported and house.shown(path) != home}
        assert not plainly, f"{path} imports {plainly} plainly"


def test_the_one_place_of_each_is_there(house: House) -> None:
    assert all((house.root / home).is_file() for home in REPORTING.values())


@pytest.mark.parametrize(
    "code",
    [
        "import openvino",
        "import json, openvino as ov",
        "def f():\n    from openvino.runtime import Core",
        "importlib.import_module('openvino')",
        "__import__('openvino.properties')",
        "CODE = 'import json, openvino; print(1)'",
        "CODE = 'import json; import openvino'",
    ],
)
def test_a_plain_import_is_seen(code: str) -> None:
    assert "openvino" in names_imported(ast.parse(code))


def test_the_one_place_and_a_name_in_a_text_are_no_plain_import() -> None:
    code = (
        "from videobert.base.offline_imports import openvino_library; name = 'openvino'; "
        "importlib.metadata.version(name)"
    )
    assert "openvino" not in names_imported(ast.parse(code))


def test_openvino_has_one_core(house: House) -> None:
    """Two that go in another order than last made first leave a thread without a stack for signals."""
    for path in house.sources(*house.packages, *(house.root / name for name in ("benchmarks", "examples", "tests"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        made = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "Core"]
        assert not made or house.shown(path) == CORE, f"{path} makes a core of its own in lines {made}"
    assert (house.root / CORE).is_file()
