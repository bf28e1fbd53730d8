"""Writes `names/<module>-<version>.json`: the members of the classes that we use, from the real bindings.

usage: python record_names.py tensorrt-cu13-bindings==11.4.0.106 [...]        (pip and gcc needed, no GPU)
       python record_names.py tensorrt_rtx                                     (from the installed package)

The bindings of TensorRT take a few C functions from libraries that need a GPU machine; empty libraries of those names
are enough to import them and read their names.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = Path(__file__).parent / "names"
CLASSES = (
    "Builder",
    "BuilderFlag",
    "ComputeCapability",
    "CudaGraphStrategy",
    "DataType",
    "DynamicShapesKernelSpecializationStrategy",
    "ExecutionContextAllocationStrategy",
    "IAttention",
    "IAttentionInputLayer",
    "IBuilderConfig",
    "ICastLayer",
    "ICudaEngine",
    "IExecutionContext",
    "ILayer",
    "ILogger",
    "ILogger.Severity",
    "INetworkDefinition",
    "IOptimizationProfile",
    "IProgressMonitor",
    "IRuntimeCache",
    "IRuntimeConfig",
    "ITensor",
    "LayerType",
    "Logger",
    "NetworkDefinitionCreationFlag",
    "OnnxParser",
    "ParserError",
    "ProfilingVerbosity",
    "Runtime",
    "TensorIOMode",
    "TensorLocation",
)
READER = """
import functools, importlib, json, sys
module = importlib.import_module(sys.argv[1])
found = {}
for path in json.loads(sys.argv[2]):
    try:
        kind = functools.reduce(getattr, path.split("."), module)
    except AttributeError:
        continue
    found[path] = sorted(name for name in dir(kind) if not name.startswith("_"))
print(json.dumps({"version": module.__version__, "classes": found}))
"""


def link_stubs(bindings: Path, folder: Path) -> None:
    """Empty shared libraries of the names that the bindings link against."""

    def said(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    libraries = [name for name in re.findall(r"\[(lib[^\]]+)\]", said("readelf", "-d", str(bindings))) if "nv" in name]
    symbols = [line.split()[-1] for line in said("nm", "-D", "--undefined-only", str(bindings)).splitlines()]
    wanted = [name for name in symbols if "@" not in name and re.match(r"(create|get|init)", name)]
    for index, library in enumerate(libraries):
        source = folder / "stub.c"
        body = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in wanted) if index == 0 else f"int s{index};"
        source.write_text(body)
        options = ["-shared", "-fPIC", "-w", f"-Wl,-soname,{library}"]
        subprocess.run(["gcc", *options, str(source), "-o", str(folder / library)], check=True)


def read(module: str, **env: str) -> dict[str, object]:
    """Version and members, read in a process of its own."""
    command = [sys.executable, "-c", READER, module, json.dumps(CLASSES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env})
    found: dict[str, object] = json.loads(done.stdout)
    return found


def read_bindings(requirement: str) -> dict[str, object]:
    """Download the bindings' wheel alone, and read it behind link stubs."""
    with tempfile.TemporaryDirectory() as place:
        install = ["install", "-q", "--no-deps", "--only-binary", ":all:", "--target", place, requirement]
        subprocess.run([sys.executable, "-m", "pip", *install], check=True)
        (bindings,) = Path(place).glob("tensorrt_bindings/tensorrt*.so")
        stubs = Path(place, "stubs")
        stubs.mkdir()
        link_stubs(bindings, stubs)
        return read("tensorrt_bindings", PYTHONPATH=place, LD_LIBRARY_PATH=str(stubs))


def main(wanted: list[str]) -> None:
    NAMES.mkdir(exist_ok=True)
    for name in wanted:
        found = read(name) if "==" not in name else read_bindings(name)
        module = name if "==" not in name else "tensorrt"
        path = NAMES / f"{module}-{found['version']}.json"
        path.write_text(json.dumps(found, indent=0) + "\n")
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
