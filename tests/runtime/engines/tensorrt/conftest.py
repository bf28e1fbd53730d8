"""A built model, built once; small graphs to build; and a device that is not there, which keeps bytes on the host."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.runtime.engines.tensorrt.gpu_stand_in import (  # noqa: F401
    encoder_inputs,
    engines,
    expected_states,
    folder,
    library,
    make_library,
    open_engine,
    place,
    real,
)

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.profiles import Profile

ALL = "7.5,8.0,8.6,8.9,12.0,12.1"

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
    root = tmp_path_factory.mktemp("built")
    cache = root / "cache"
    done = _command(
        "build", "shapes", "--target", "tensorrt-rtx", "--sm", ALL, "--out", root / "out", "--json", cache=cache
    )
    assert done.returncode == 0, done.stderr
    return root / "out", json.loads(done.stdout), cache


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


@dataclass
class Buffer:
    driver: Driver
    address: int
    size_bytes: int
    memory: npt.NDArray[np.uint8]

    def free(self) -> None:
        self.driver.call("free", self.address)
        del self.driver.buffers[self.address]


@dataclass
class Graph:
    work: Callable[[], None]
    driver: Driver

    def launch(self, stream: Any) -> None:
        self.driver.call("graph")
        self.work()

    def free(self) -> None:
        self.driver.call("free graph")


@dataclass
class Stream:
    driver: Driver
    handle: int = 0x5000

    def synchronize(self) -> None:
        self.driver.call("synchronize")


@dataclass
class Driver:
    """Fails at the call named in `fails`, after `passes` of them."""

    captures: bool = True
    name: str = "fake"
    device_name: str = "Fake RTX"
    capability: int = 89
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    buffers: dict[int, Buffer] = field(default_factory=dict)
    fails: str | None = None
    passes: int = 0
    depth: int = 0
    closed: bool = False
    remember: bool = True

    def call(self, *call: Any) -> None:
        if self.remember:
            self.calls.append(call)
        if call[0] == self.fails:
            self.passes -= 1
            if self.passes < 0:
                raise DeviceError("the GPU or its driver refused a call", seen=call[0])

    def named(self, *names: str) -> list[str]:
        return [call[0] for call in self.calls if not names or call[0] in names]

    @contextmanager
    def current(self) -> Iterator[Any]:
        self.depth += 1
        try:
            yield self
        finally:
            self.depth -= 1

    def stream(self) -> Stream:
        return Stream(self)

    def allocate(self, size_bytes: int) -> Buffer:
        self.call("allocate", size_bytes)
        address = 0x7F0000000000 + (len(self.calls) << 28)
        self.buffers[address] = Buffer(self, address, size_bytes, np.full(size_bytes, 0xA5, np.uint8))
        return self.buffers[address]

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        self.call("pinned", shape)
        return np.full(shape, 77, dtype)

    def upload(self, target: Any, source: npt.NDArray[Any], stream: Any) -> None:
        self.call("upload", target.address)
        assert source.flags.c_contiguous
        assert source.nbytes <= target.size_bytes
        target.memory[: source.nbytes] = source.reshape(-1).view(np.uint8)

    def download(self, target: npt.NDArray[Any], source: Any, stream: Any) -> None:
        self.call("download", source.address)
        assert target.flags.c_contiguous
        target[...] = source.memory[: target.nbytes].view(target.dtype).reshape(target.shape)

    def copy(self, target: Any, source: int, size_bytes: int, stream: Any) -> None:
        self.call("copy", source)
        target.memory[:size_bytes] = self.buffers[source].memory[:size_bytes]

    def capture(self, work: Callable[[], None], stream: Any) -> Graph:
        if not self.captures:
            raise EngineUnavailable("no graph capture")
        self.call("capture")
        work()
        return Graph(work, self)

    def synchronize(self) -> None:
        self.call("synchronize device")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture
def view(driver: Driver) -> Callable[[npt.NDArray[Any]], Any]:
    """Puts an array on the fake device, behind `__cuda_array_interface__`."""

    def put(array: npt.NDArray[Any]) -> Any:
        buffer = driver.allocate(array.nbytes)
        buffer.memory[:] = array.reshape(-1).view(np.uint8)
        interface = {"data": (buffer.address, False), "shape": array.shape, "typestr": array.dtype.str, "version": 3}
        return SimpleNamespace(__cuda_array_interface__=interface, shape=array.shape)

    return put
