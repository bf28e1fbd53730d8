"""Which tests of the run side need the modeling side: found in their text, so that no test has to be marked by hand.

A test needs it if its file imports a library of the modeling side at the top, or if the test, a fixture that it asks
for, or a function of their own files that either calls does so inside.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LIBRARIES = frozenset({"torch", "triton", "transformers", "onnx", "onnxscript", "onnxruntime", "sklearn", "cv2"})
OWN = frozenset({"videobert_modeling", "videobert_kernels"})


def installed() -> bool:
    """Whether this environment has the modeling side's libraries."""
    return importlib.util.find_spec("torch") is not None


@functools.cache
def functions_that_need_it(path: Path) -> frozenset[str]:
    """Names of a file's top-level functions that need the modeling side; "" stands for the file as a whole."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if any(_imports(node) for node in _top_level(tree)):
        return frozenset({""})
    functions = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    needing = {name for name, node in functions.items() if any(_imports(part) for part in ast.walk(node))}
    called = {
        name: {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} for name, node in functions.items()
    }
    while more := {name for name, names in called.items() if names & needing} - needing:
        needing |= more
    return frozenset(needing)


def needs_modeling(test: Callable[..., Any], fixtures: Iterator[Callable[..., Any]]) -> bool:
    """Whether a test function, or one of the fixture functions that it asks for, needs the modeling side."""
    return any(_needs_it(function) for function in (test, *fixtures))


def _needs_it(function: Callable[..., Any]) -> bool:
    function = inspect.unwrap(function)
    source = inspect.getsourcefile(function)
    if source is None or not Path(source).is_relative_to(Path(__file__).parent):
        return False
    needing = functions_that_need_it(Path(source))
    return "" in needing or function.__qualname__.split(".")[0] in needing


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _top_level(child)


def _imports(node: ast.AST) -> bool:
    """Whether a statement imports the modeling side, or asks pytest to skip where it is missing."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("importorskip"):
        names = [str(part.value) for part in node.args if isinstance(part, ast.Constant)]
    return any(name.split(".")[0] in LIBRARIES | OWN for name in names)
