"""The builder and the executor use names that TensorRT 10.14, TensorRT 11.4 and TensorRT-RTX 1.7.1 really have.

`names/` holds the members of the real classes, written by `record_names.py`. The names used are read from the source.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import videobert.engines.tensorrt as package

NAMES = Path(__file__).parent / "names"
RECORDED = {path.stem: json.loads(path.read_text()) for path in sorted(NAMES.glob("*.json"))}
FOLDER = Path(package.__path__[0])
SOURCES = [FOLDER / "build" / "builder.py", FOLDER / "flavour.py", *sorted((FOLDER / "executor").glob("*.py"))]
# What the builder calls its objects, and the class of each.
CLASS_OF = {
    "attention": "IAttention",
    "attention_input": "IAttentionInputLayer",
    "builder": "Builder",
    "config": "IBuilderConfig",
    "context": "IExecutionContext",
    "engine": "ICudaEngine",
    "layer": "ILayer",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "profile": "IOptimizationProfile",
    "runtime": "Runtime",
    "runtime_cache": "IRuntimeCache",
    "runtime_config": "IRuntimeConfig",
}
# Only there where the branch that uses it is taken.
RTX_ONLY = {
    "ComputeCapability",
    "CudaGraphStrategy",
    "CudaGraphStrategy.WHOLE_GRAPH_CAPTURE",
    "DynamicShapesKernelSpecializationStrategy",
    "DynamicShapesKernelSpecializationStrategy.EAGER",
    "IRuntimeCache.deserialize",
    "IRuntimeCache.serialize",
    "IRuntimeConfig.create_runtime_cache",
    "IRuntimeConfig.cuda_graph_strategy",
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
    "IRuntimeConfig.set_runtime_cache",
    "IBuilderConfig.num_compute_capabilities",
    "IBuilderConfig.set_compute_capability",
}
WITH_LENGTHS = {"IAttention.key_value_lengths"}


def dotted(node: ast.AST) -> list[str] | None:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return None if inner is None else [*inner, node.attr]
    return None


def owner_of(names: list[str]) -> tuple[str, str] | None:
    """Class and member, where a dotted name ends in a member of one of the library's objects."""
    *path, member = names
    holder = path[-1].lstrip("_") if path else ""
    if holder in CLASS_OF and (len(path) == 1 or path[0] in ("self", "prepared")) and not member.startswith("__"):
        return CLASS_OF[holder], member
    return None


def used() -> set[str]:
    """Dotted names below the module, such as `BuilderFlag.TF32`, and members of the library's objects."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = dotted(node)
            if isinstance(node, ast.Attribute) and names and len(names) > 1:
                if names[0] == "trt":
                    found.add(".".join(name for name in names[1:] if not name.startswith("__")))
                elif (member := owner_of(names)) is not None:
                    found.add(".".join(member))
    return found - {""}


def has(classes: dict[str, list[str]], name: str) -> bool:
    owner, _, member = name.rpartition(".")
    return name in classes or member in classes.get(owner, ())


def test_the_names_are_found_in_the_source() -> None:
    names = used()
    assert {"Builder", "BuilderFlag.TF32", "INetworkDefinition.add_cast", "IBuilderConfig.progress_monitor"} <= names
    assert names >= RTX_ONLY | WITH_LENGTHS
    assert {name.partition(".")[0] for name in names} >= set(CLASS_OF.values())
    assert len(names) > 60


def test_three_libraries_are_recorded() -> None:
    assert set(RECORDED) == {"tensorrt-10.14.1.48.post1", "tensorrt-11.4.0.106", "tensorrt_rtx-1.7.1.116"}


@pytest.mark.parametrize("library", RECORDED)
def test_every_name_exists(library: str) -> None:
    classes = RECORDED[library]["classes"]
    missing = {name for name in used() if not has(classes, name)}
    expected: set[str] = set()
    if library.startswith("tensorrt-"):
        expected |= RTX_ONLY
    if library.startswith("tensorrt-10."):
        expected |= WITH_LENGTHS
    assert missing == expected


def test_a_name_that_was_removed_would_be_noticed() -> None:
    classes = RECORDED["tensorrt-11.4.0.106"]["classes"]
    assert not has(classes, "BuilderFlag.FP16")
    assert has(RECORDED["tensorrt-10.14.1.48.post1"]["classes"], "BuilderFlag.FP16")


@pytest.mark.parametrize("interface", ["ILogger", "IProgressMonitor"])
def test_what_the_builder_implements_has_the_methods_of_the_interface(interface: str) -> None:
    methods = {
        "ILogger": {"log"},
        "IProgressMonitor": {"phase_start", "phase_finish", "step_complete"},
    }[interface]
    for recorded in RECORDED.values():
        members = {name for name in recorded["classes"][interface] if name[0].islower()}
        assert methods == members - {"min_severity"}


def test_the_installed_library_has_the_names_that_were_recorded(rtx: None, tmp_path: Path) -> None:
    script = Path(__file__).parent / "record_names.py"
    code = (
        f"import importlib.util as u; s = u.spec_from_file_location('r', {str(script)!r}); r = u.module_from_spec(s); "
        f"s.loader.exec_module(r); import pathlib; r.NAMES = pathlib.Path({str(tmp_path)!r}); r.main(['tensorrt_rtx'])"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    (written,) = tmp_path.glob("*.json")
    assert json.loads(written.read_text()) == RECORDED[written.stem]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["10.14.1.48.post1", "11.4.0.106"])
def test_the_real_bindings_have_the_names_that_were_recorded(version: str) -> None:
    spec = importlib.util.spec_from_file_location("record_names", Path(__file__).parent / "record_names.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    try:
        found = script.read_bindings(f"tensorrt-cu13-bindings=={version}")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the bindings cannot be downloaded or stubbed here: {error}")
    assert found == RECORDED[f"tensorrt-{version}"]
