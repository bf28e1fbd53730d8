"""The cuda-bindings back end against a stand-in that answers as the real functions do: a status, then results."""

from __future__ import annotations

import ast
import ctypes
import importlib.util
import re
import struct
import sys
import types
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.cuda import bindings_driver
from videobert.cuda.bindings_driver import BindingsDriver
from videobert.cuda.driver import CudaDriver


class Result(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_ILLEGAL_ADDRESS = 700


MAKES = {"cuStreamCreate", "cuEventCreate", "cuMemAlloc", "cuModuleLoadData", "cuModuleGetFunction"}
MAKES |= {"cuStreamEndCapture", "cuGraphInstantiate"}
OUTSIDE = {"cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuDeviceGetName", "cuDeviceGetAttribute"}


class FakeBindings(types.ModuleType):
    """`cuda.bindings.driver`: every call checks that the context is current, and is remembered."""

    CUstream_flags = types.SimpleNamespace(CU_STREAM_NON_BLOCKING=1)
    CUstreamCaptureMode = types.SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL="thread-local")
    CUfunction_attribute = types.SimpleNamespace(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="most shared")
    CUdevice_attribute = types.SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=8, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=9
    )

    def __init__(self) -> None:
        super().__init__("cuda.bindings.driver")
        self.calls: list[tuple[Any, ...]] = []
        self.depth = 0
        self.fails: dict[str, Result] = {}
        self.host: dict[int, Any] = {}
        self.parameters = b""
        self.made = 100

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu"):
            raise AttributeError(name)
        return lambda *arguments: self.call(name, *arguments)

    def call(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        if name in self.fails:
            return (self.fails[name], None) if name in MAKES else (self.fails[name],)
        if name == "cuCtxPushCurrent":
            assert arguments == ("primary",)
            self.depth += 1
            return (Result.CUDA_SUCCESS,)
        if name == "cuCtxPopCurrent":
            self.depth -= 1
            return Result.CUDA_SUCCESS, "primary"
        assert self.depth or name in OUTSIDE, f"{name} while the context was not current"
        self.calls.append((name, *arguments))
        if name == "cuLaunchKernel":
            _, pointer, _, size, end = struct.unpack("<5Q", ctypes.string_at(arguments[-1], 40))
            assert not end
            length = ctypes.c_size_t.from_address(size).value
            self.parameters = ctypes.string_at(pointer, length)
            self.calls[-1] = (name, *arguments[:-1])
        if name == "cuMemHostAlloc":
            memory = (ctypes.c_ubyte * arguments[0])()
            self.host[ctypes.addressof(memory)] = memory
            return Result.CUDA_SUCCESS, ctypes.addressof(memory)
        if name == "cuMemFreeHost":
            del self.host[arguments[0]]
        answers = {
            "cuDevicePrimaryCtxRetain": "primary",
            "cuDeviceGet": 7,
            "cuDeviceGetName": b"Fake RTX\0\0",
            "cuEventElapsedTime": 1.25,
        }
        if name == "cuDeviceGetAttribute":
            return Result.CUDA_SUCCESS, arguments[0]
        if name in MAKES:
            self.made += 1
            return Result.CUDA_SUCCESS, self.made
        return (Result.CUDA_SUCCESS, answers[name]) if name in answers else (Result.CUDA_SUCCESS,)

    def named(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBindings]:
    fake, top, package = FakeBindings(), types.ModuleType("cuda"), types.ModuleType("cuda.bindings")
    package.driver, top.bindings = fake, package  # type: ignore[attr-defined]
    for name, module in (("cuda", top), ("cuda.bindings", package), ("cuda.bindings.driver", fake)):
        monkeypatch.setitem(sys.modules, name, module)
    yield fake
    assert fake.depth == 0, "a context was left current"


def test_a_launch_passes_the_parameters_as_they_lie_in_memory(cuda: FakeBindings) -> None:
    driver: CudaDriver = BindingsDriver()
    assert (driver.name, driver.device_name, driver.capability) == ("cuda-bindings", "Fake RTX", 89)
    stream = driver.stream()
    function = driver.load(b"cubin", "kernel", 64 * 1024)
    cuda.calls.clear()
    driver.launch(function, (3, 2, 1), 128, b"parameters", stream)
    launch = ("cuLaunchKernel", 103, 3, 2, 1, 128, 1, 1, 64 * 1024, stream.handle, 0)
    assert cuda.calls == [launch]
    assert cuda.parameters == b"parameters"
    driver.launch(driver.load(b"cubin", "small", 0), (1, 1, 1), 32, b"", stream)
    assert cuda.parameters == b""
    assert cuda.named().count("cuFuncSetAttribute") == 0
    driver.close()


def test_copies_events_and_pinned_memory(cuda: FakeBindings) -> None:
    driver = BindingsDriver()
    stream, buffer = driver.stream(), driver.allocate(0)
    host = driver.pinned((3, 4), np.float32)
    assert host.shape == (3, 4)
    host[...] = 5
    assert driver.pinned((0,), np.int64).shape == (0,)
    cuda.calls.clear()
    driver.upload(buffer, host, stream)
    driver.copy(buffer, 0x999, 16, stream)
    driver.download(host, buffer, stream)
    before, after = stream.record(), stream.record()
    stream.wait(before)
    assert after.milliseconds_since(before) == 1.25
    assert cuda.calls[:3] == [
        ("cuMemcpyHtoDAsync", buffer.address, host.ctypes.data, 48, stream.handle),
        ("cuMemcpyDtoDAsync", buffer.address, 0x999, 16, stream.handle),
        ("cuMemcpyDtoHAsync", host.ctypes.data, buffer.address, 48, stream.handle),
    ]
    buffer.free()
    buffer.free()
    assert cuda.named().count("cuMemFree") == 1
    before.free()
    with pytest.raises(DeviceError, match="freed"):
        stream.wait(before)
    driver.close()
    assert not cuda.host
    assert cuda.named().count("cuEventDestroy") == 2
    # The context is the process's.
    assert "cuDevicePrimaryCtxRelease" not in cuda.named()


def test_a_capture_becomes_a_graph(cuda: FakeBindings) -> None:
    driver = BindingsDriver()
    stream = driver.stream()
    buffer = driver.allocate(16)
    cuda.calls.clear()
    graph = driver.capture(lambda: driver.copy(buffer, 0x10, 16, stream), stream)
    graph.launch(stream)
    graph.free()
    assert cuda.named() == [
        "cuStreamBeginCapture",
        "cuMemcpyDtoDAsync",
        "cuStreamEndCapture",
        "cuGraphInstantiate",
        "cuGraphDestroy",
        "cuGraphLaunch",
        "cuGraphExecDestroy",
    ]
    assert cuda.calls[0] == ("cuStreamBeginCapture", stream.handle, "thread-local")
    driver.close()


def test_work_that_fails_while_it_is_captured_leaves_the_stream_usable(cuda: FakeBindings) -> None:
    driver = BindingsDriver()
    stream = driver.stream()
    cuda.calls.clear()

    def fail() -> None:
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        driver.capture(fail, stream)
    assert cuda.named() == ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphDestroy"]
    driver.close()


@pytest.mark.parametrize("call", ["cuMemAlloc", "cuStreamSynchronize", "cuGraphInstantiate", "cuMemHostAlloc"])
def test_a_refusal_is_a_device_error_with_its_name(call: str, cuda: FakeBindings) -> None:
    driver = BindingsDriver()
    stream = driver.stream()
    cuda.fails[call] = Result.CUDA_ERROR_OUT_OF_MEMORY

    def use() -> None:
        driver.allocate(1)
        driver.pinned((1,), np.uint8)
        stream.synchronize()
        driver.capture(lambda: None, stream)

    with pytest.raises(DeviceError, match=f"{call}: CUDA_ERROR_OUT_OF_MEMORY"):
        use()


def test_no_device_and_no_package_are_environment_errors(cuda: FakeBindings, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda.fails["cuDeviceGet"] = Result.CUDA_ERROR_ILLEGAL_ADDRESS
    with pytest.raises(EngineUnavailable, match="CUDA device 3 cannot be used"):
        BindingsDriver(3)
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(EngineUnavailable, match="pip install cuda-bindings"):
        BindingsDriver()


@pytest.mark.skipif(importlib.util.find_spec("cuda") is None, reason="cuda-bindings is not installed")
def test_every_function_exists_in_the_real_package() -> None:
    real = pytest.importorskip("cuda.bindings.driver")
    tree = ast.parse(Path(bindings_driver.__file__).read_text(encoding="utf-8"))
    names = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and re.fullmatch("cu[A-Z][A-Za-z]+", str(node.value))
    }
    names |= {"cuGraphDestroy", "CUstream_flags", "CUstreamCaptureMode", "CUfunction_attribute", "CUdevice_attribute"}
    assert len(names) > 25
    assert not [name for name in names if not hasattr(real, name)]
