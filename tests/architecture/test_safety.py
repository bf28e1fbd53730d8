"""Nothing is unpickled, evaluated or given to a shell, and no check that a user can reach is an assert."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from tests.architecture.house import House

UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def unsafe(tree: ast.AST) -> Iterator[str]:
    """Places of a module that unpickle, evaluate text or run a shell."""
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (f"{node.lineno}: import {name}" for name in modules if name.split(".")[0] in UNPICKLERS)
        yield from (f"{node.lineno}: import {name}" for name in modules if name == "torch.load")
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if name.split(".")[0] in UNPICKLERS or name in ("eval", "exec", "builtins.eval", "builtins.exec", "yaml.load"):
            yield f"{node.lineno}: {name}"
        if name.endswith("torch.load") and given.get("weights_only") != "True":
            yield f"{node.lineno}: torch.load without weights_only=True"
        if "read_pickle" in name or given.get("allow_pickle", "False") != "False":
            yield f"{node.lineno}: {name} of pickles"
        if given.get("shell", "False") != "False":
            yield f"{node.lineno}: {name} with a shell"
        if name in ("__import__", "import_module", "importlib.import_module") and node.args:
            wanted = node.args[0]
            if isinstance(wanted, ast.Constant) and str(wanted.value).split(".")[0] in UNPICKLERS:
                yield f"{node.lineno}: import {wanted.value}"


def test_nothing_is_unpickled_or_evaluated(house: House) -> None:
    for path in house.sources():
        places = list(unsafe(ast.parse(path.read_text(encoding="utf-8"))))
        assert not places, f"{path}: {places}"


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import os, joblib.memory as j",
        'from dill import loads; text = "a quote"',
        "def f():\n    from marshal import load",
        "importlib.import_module('pickle')",
        "__import__('dill')",
        'np.load("a.npy", allow_pickle=True)',
        "np.load(path, allow_pickle=flag)",
        'torch.load("model.pt")',
        'torch.load("model.pt", weights_only=False)',
        "from torch import load",
        "eval('1')",
        "subprocess.run('ls', shell=True)",
    ],
)
def test_what_unpickles_or_evaluates_is_seen(code: str) -> None:
    assert list(unsafe(ast.parse(code)))


def test_what_only_looks_like_it_is_not() -> None:
    code = (
        'model.eval(); torch.load(path, weights_only=True); np.load(path, allow_pickle=False); text = "import pickle"'
    )
    assert not list(unsafe(ast.parse(code)))


def test_user_reachable_checks_are_not_asserts(house: House) -> None:
    for path in house.sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        assert not lines, f"{path} validates with assert in lines {lines}"
