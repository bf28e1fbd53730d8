"""Where things stand, in this tree or in a copy of it, and the linter of imports run on either."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# An editable installation puts a finder before the search path, which would lead a copy's imports to this tree.
_LINT = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
from importlinter.cli import lint_imports_command
lint_imports_command(["--no-cache", "--no-logo"])
"""


@dataclass(frozen=True)
class House:
    """The three packages and their tests below one folder."""

    root: Path = ROOT

    @property
    def runtime(self) -> Path:
        return self.root / "runtime" / "videobert"

    @property
    def modeling(self) -> Path:
        return self.root / "modeling" / "videobert_modeling"

    @property
    def kernels(self) -> Path:
        return self.root / "kernels" / "videobert_kernels"

    @property
    def tests(self) -> Path:
        return self.root / "tests"

    @property
    def packages(self) -> tuple[Path, Path, Path]:
        return self.runtime, self.modeling, self.kernels

    def sources(self, *folders: Path) -> list[Path]:
        """The Python files of these folders, or of the three packages."""
        return sorted(path for folder in folders or self.packages for path in folder.rglob("*.py"))

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def plant(self, name: str, text: str = "") -> None:
        """Write a file that is not there yet, with the folders above it."""
        path = self.root / name
        assert self.root != ROOT, "only a copy is planted in"
        assert not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def copy(self, to: Path) -> House:
        """The Python files of the packages and of the tests, and the configuration, in another folder."""
        for folder in (*self.packages, self.tests):
            skipped = shutil.ignore_patterns("__pycache__", *(f"*{suffix}" for suffix in _not_python(folder)))
            shutil.copytree(folder, to / folder.relative_to(self.root), ignore=skipped)
        shutil.copy(self.root / "pyproject.toml", to)
        return House(to)

    def lint(self) -> tuple[bool, str]:
        """Whether every contract of pyproject.toml is kept, and what the linter of imports says."""
        path = os.pathsep.join(str(package.parent) for package in self.packages)
        env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "400"}
        done = subprocess.run(
            [sys.executable, "-c", _LINT], cwd=self.root, env=env, capture_output=True, text=True, timeout=120
        )
        assert "Contracts:" in done.stdout, done.stdout + done.stderr
        return done.returncode == 0, done.stdout


def _not_python(folder: Path) -> set[str]:
    return {path.suffix for path in folder.rglob("*") if path.is_file()} - {".py", ".pyi", ".typed", ""}


def module_name(house: House, path: Path) -> str:
    """The dotted name of a file of one of the packages."""
    home = next(package.parent for package in house.packages if path.is_relative_to(package))
    parts = path.relative_to(home).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(house: House, path: Path, *, top_level_only: bool) -> Iterator[str]:
    """Names of the modules that a file imports; with `top_level_only`, those that importing it costs."""
    package = module_name(house, path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if top_level_only and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if top_level_only and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                module = ".".join([*base, child.module] if child.module else base)
                yield from (f"{module}.{alias.name}" for alias in child.names)
            else:
                yield from walk(child)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")))
