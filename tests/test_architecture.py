"""The shape of the house, held by tests: arrows in one direction, two halves that never mix, small files."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "runtime" / "videobert"
MODELING = ROOT / "modeling" / "videobert_modeling"
KERNELS = ROOT / "kernels" / "videobert_kernels"

# The modeling side's libraries, and the doors through which the run side may reach them.
MODELING_SIDE = {"torch", "triton", "transformers", "onnx", "onnxscript", "onnxruntime", "sklearn", "cv2"} | {
    "videobert_modeling",
    "videobert_kernels",
}
DOORS = {
    "engines/torch_engine.py",
    "cli/build/export.py",
    "cli/build/cubins.py",
    "cli/build/server.py",
    "cli/verbs/import_.py",
    "cli/verbs/cluster.py",
    "cli/verbs/train.py",
    # Takes torch only where something else has imported it already, to share its memory and streams.
    "cuda/torch_driver.py",
}
# Paid for on first use only.
LAZY = {"av", "openvino", "tokenizers", "safetensors", "rich", "typer"}
# A layer may import layers after it in this list, never one before it.
LAYERS = [
    "cli",
    "doctor",
    "serve",
    "report",
    "runtime",
    "tasks",
    "pipeline",
    "families",
    "video",
    "engines",
    "cuda",
    "text",
    "visual",
    "model",
    "results",
    "base",
]


def sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def module_name(path: Path) -> str:
    for root in (RUNTIME.parent, MODELING.parent, KERNELS.parent):
        if path.is_relative_to(root):
            parts = path.relative_to(root).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise AssertionError(path)


def imports(path: Path, *, top_level_only: bool) -> Iterator[str]:
    """Names of the modules that a file imports; with `top_level_only`, those that importing it costs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if top_level_only and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                module = ".".join([*base, child.module] if child.module else base)
                yield module
                yield from (f"{module}.{alias.name}" for alias in child.names)
            else:
                yield from walk(child)

    yield from walk(tree)


def test_the_run_side_reaches_the_modeling_side_through_its_doors_only() -> None:
    for path in sources(RUNTIME):
        if str(path.relative_to(RUNTIME)) in DOORS:
            continue
        reached = {name.split(".")[0] for name in imports(path, top_level_only=False)} & MODELING_SIDE
        assert not reached, f"{path} imports {reached}"


def test_the_doors_are_lazy() -> None:
    for door in DOORS:
        reached = {name.split(".")[0] for name in imports(RUNTIME / door, top_level_only=True)} & MODELING_SIDE
        assert not reached, f"{door} imports {reached} before it is used"


def test_the_kernels_stand_alone() -> None:
    for path in sources(KERNELS):
        reached = {name.split(".")[0] for name in imports(path, top_level_only=False)}
        assert not reached & {"videobert", "videobert_modeling"}, f"{path} imports {reached}"


def test_no_import_goes_in_a_circle() -> None:
    files = {module_name(path): path for path in sources(RUNTIME, MODELING, KERNELS)}
    edges = {
        name: {target for target in imports(path, top_level_only=True) if target in files and target != name}
        for name, path in files.items()
    }
    # `from package import module` also touches the package itself; a package may gather its own modules.
    for name in edges:
        edges[name] = {target for target in edges[name] if not name.startswith(target + ".")}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "circle: " + " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for target in sorted(edges[name]):
            visit(target, (*trail, name))
        done.add(name)

    for name in files:
        visit(name, ())


def layer_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "videobert" and len(parts) > 1 and parts[1] in LAYERS else None


def test_arrows_point_one_way() -> None:
    for path in sources(RUNTIME):
        own = layer_of(module_name(path))
        if own is None:
            continue
        for target in imports(path, top_level_only=True):
            other = layer_of(target)
            if other is not None:
                assert LAYERS.index(own) <= LAYERS.index(other), f"{path} imports {target}"


@pytest.mark.parametrize(
    "path", sources(RUNTIME, MODELING, KERNELS, ROOT / "tests"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_files_stay_small(path: Path) -> None:
    limit = 900 if path.is_relative_to(ROOT / "tests") else 600
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


def test_half_of_the_source_files_are_a_page_or_two() -> None:
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in sources(RUNTIME, MODELING, KERNELS)]
    assert statistics.median(lines) <= 150


def run_python(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **env}, timeout=120
    )
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = run_python("import sys, videobert; print(*sorted({n.split('.')[0] for n in sys.modules}))").split()
    assert not set(loaded) & (LAZY | MODELING_SIDE)


def test_importing_the_package_costs_what_numpy_costs() -> None:
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    pairs = [(float(run_python(code.format("videobert"))), float(run_python(code.format("numpy")))) for _ in range(5)]
    ours, numpys = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert ours <= max(0.2, 1.2 * numpys), f"videobert {ours:.3f} s, numpy {numpys:.3f} s"


def test_every_public_name_is_there() -> None:
    import videobert

    for name in videobert.__all__:
        assert getattr(videobert, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'caption_everything'"):
        _ = videobert.caption_everything


def test_user_reachable_checks_are_not_asserts() -> None:
    for path in sources(RUNTIME, MODELING, KERNELS):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        assert not lines, f"{path} validates with assert in lines {lines}"


# Libraries that report to someone where they are imported plainly, and the one file that imports each.
REPORTING = {
    "openvino": RUNTIME / "base" / "offline_imports.py",
    "onnxruntime": MODELING / "export" / "onnxruntime_library.py",
}


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


def test_what_reports_to_someone_is_imported_in_one_place() -> None:
    folders = (RUNTIME, MODELING, KERNELS, ROOT / "benchmarks", ROOT / "examples", ROOT / "tests")
    for path in set(sources(*folders)) - {Path(__file__)}:
        found = set(names_imported(ast.parse(path.read_text(encoding="utf-8"))))
        plainly = {name for name, home in REPORTING.items() if name in found and path != home}
        assert not plainly, f"{path} imports {plainly} plainly"


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


def test_nothing_is_unpickled_or_evaluated() -> None:
    for path in sources(RUNTIME, MODELING, KERNELS):
        found = list(unsafe(ast.parse(path.read_text(encoding="utf-8"))))
        assert not found, f"{path}: {found}"


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
