"""A built model, built once; small graphs to build; and a classic TensorRT made of the real one's names."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videobert.engines.tensorrt.build.profiles import Profile
from videobert.engines.tensorrt.build.request import BuildRequest

ALL = "7.5,8.0,8.6,8.9,12.0,12.1"
NAMES = Path(__file__).parent / "names"

# Neither torch nor onnx, as on the machine that an engine is for.
WITHOUT_MODELING = """
import sys
for name in ("torch", "onnx", "onnxscript", "onnxruntime", "videobert_modeling"):
    sys.modules[name] = None
from videobert.cli.main import main
main()
"""


@pytest.fixture(scope="session")
def rtx() -> None:
    """For tests that build: the library is part of `make test`, and optional anywhere else."""
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("TensorRT-RTX is not installed")


def _command(*arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    """`videobert` in a process without torch and onnx, with a cache of its own."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_MODELING, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        timeout=280,
    )


@pytest.fixture(scope="session")
def built(rtx: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, Path]:
    """The bundled model with fp16 engines for every target: the folder, what the command said, its cache."""
    place = tmp_path_factory.mktemp("built")
    cache = place / "cache"
    done = _command(
        "build", "shapes", "--target", "tensorrt-rtx", "--sm", ALL, "--out", place / "out", "--json", cache=cache
    )
    assert done.returncode == 0, done.stderr
    return place / "out", json.loads(done.stdout), cache


def _product_graph(path: Path, *, unused: bool = False) -> Path:
    """One matrix product in fp16, behind an input that may be left unused."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((16, 16), np.float16), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["n", 16])]
    if unused:
        inputs.append(helper.make_tensor_value_info("spare", TensorProto.INT64, ["n"]))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT16, ["n", 16])]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=11), path)
    return path


def _crashing_graph(path: Path) -> Path:
    """Attention whose query, key and value are one tensor: TensorRT-RTX 1.7.1 ends the process on it."""
    import onnx
    from onnx import TensorProto, helper

    shape = [1, 2, 16, 32]
    tensor = helper.make_tensor_value_info("x", TensorProto.FLOAT16, shape)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT16, shape)
    graph = helper.make_graph([helper.make_node("Attention", ["x", "x", "x"], ["y"])], "g", [tensor], [output])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=11), path)
    return path


@pytest.fixture
def product_graph() -> Callable[..., Path]:
    return _product_graph


@pytest.fixture
def crashing_graph() -> Callable[[Path], Path]:
    return _crashing_graph


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    return _command


@pytest.fixture
def request_for() -> Callable[..., BuildRequest]:
    """A request for a graph whose inputs have fixed shapes, or `x` and `spare` of up to eight rows."""

    def make(path: Path, *inputs: str, target: str = "tensorrt-rtx") -> BuildRequest:
        shapes = {"x": ((1, 16), (4, 16), (8, 16)), "spare": ((1,), (4,), (8,))}
        profile = Profile(inputs={name: shapes[name] for name in inputs})  # type: ignore[misc]
        profiles = (profile,) if inputs else ()
        return BuildRequest(target=target, graph=path, targets=("8.6",), profiles=profiles)

    return make
