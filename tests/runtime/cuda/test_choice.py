"""Which back end drives the GPU, and torch's among them only where torch is there anyway."""

from __future__ import annotations

import sys
import types
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import DeviceError, EngineUnavailable, InputError
from videobert.cuda import choice, torch_driver
from videobert.cuda.choice import open_driver
from videobert.cuda.torch_driver import TorchDriver


@pytest.fixture
def back_ends(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The back ends that can be used; all others say why not."""
    usable: set[str] = set()

    def opens(name: str) -> Any:
        def open_it(device: int) -> Any:
            if name not in usable:
                raise EngineUnavailable(f"{name} is missing", seen="nothing there")
            return types.SimpleNamespace(name=name, device=device)

        return open_it

    monkeypatch.setattr(choice, "_OPEN", {name: opens(name) for name in choice.BACK_ENDS[1:]})
    return usable


def test_the_order_is_torch_if_there_then_bindings_then_pycuda(
    back_ends: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    back_ends |= {"torch", "cuda-bindings", "pycuda"}
    assert open_driver(device=2).name == "torch"
    monkeypatch.delitem(sys.modules, "torch")
    assert open_driver().name == "cuda-bindings"
    assert "torch" not in sys.modules
    back_ends.remove("cuda-bindings")
    assert open_driver().name == "pycuda"


def test_one_asked_for_by_name_is_that_one_or_an_error(back_ends: set[str]) -> None:
    back_ends.add("cuda-bindings")
    with pytest.raises(EngineUnavailable, match="pycuda is missing"):
        open_driver("pycuda")
    with pytest.raises(InputError, match="not known; got opencl"):
        open_driver("opencl")


def test_none_at_all_says_why_of_each(back_ends: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(EngineUnavailable, match=r"cuda-bindings is missing \(nothing there\); pycuda.*pip install"):
        open_driver()


def test_torch_is_never_brought_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(EngineUnavailable, match="processes that have imported torch"):
        TorchDriver()
    assert "torch" not in sys.modules


class FakeTorch(types.ModuleType):
    """The part of torch that is used, without a device."""

    uint8 = "uint8"
    __version__ = "2.13"

    def __init__(self) -> None:
        super().__init__("torch")
        self.fails = False
        outer = self

        class Stream:
            cuda_stream = 0x77

            def __init__(self, device: int) -> None: ...

            def synchronize(self) -> None:
                if outer.fails:
                    raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with ...")

        class Tensor:
            def __init__(self, size: int) -> None:
                self.memory = np.zeros(size, np.uint8)

            def data_ptr(self) -> int:
                return int(self.memory.ctypes.data)

            def numpy(self) -> Any:
                return self.memory

        class CUDAGraph:
            def replay(self) -> None:
                outer.log.append("replay")

        @contextmanager
        def inside(name: str) -> Any:
            outer.log.append(name)
            yield

        self.log: list[str] = []
        self.empty = lambda size, **options: Tensor(size)
        self.cuda = types.SimpleNamespace(
            is_available=lambda: True,
            device_count=lambda: 1,
            init=lambda: None,
            get_device_name=lambda device: "Fake H100",
            get_device_capability=lambda device: (9, 0),
            synchronize=lambda device: outer.log.append("synchronize"),
            device=lambda device: inside("device"),
            stream=lambda stream: inside("stream"),
            Stream=Stream,
            CUDAGraph=CUDAGraph,
            graph=lambda graph, stream, capture_error_mode: inside(f"graph {capture_error_mode}"),
        )


class FakeLibcuda:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def call(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, *arguments))

    def made(self, name: str, *arguments: Any) -> int:
        self.calls.append((name, *arguments))
        return 0x1000 + len(self.calls)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> FakeTorch:
    fake = FakeTorch()
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setattr(torch_driver, "Libcuda", FakeLibcuda)
    return fake


def test_torch_lends_memory_streams_and_graphs(torch: FakeTorch) -> None:
    driver = TorchDriver()
    assert (driver.name, driver.device_name, driver.capability, driver.captures) == ("torch", "Fake H100", 90, True)
    stream, buffer = driver.stream(), driver.allocate(64)
    host = driver.pinned((2, 3), np.int64)
    assert host.shape == (2, 3)
    library: Any = driver._library
    library.calls.clear()
    driver.upload(buffer, host, stream)
    driver.copy(buffer, 0x10, 8, stream)
    driver.launch(driver.load(b"cubin", "kernel", 50_000), (1, 2, 3), 64, b"x", stream)
    named = [call for call in library.calls if not call[0].startswith("cuCtx")]
    assert named[0] == ("cuMemcpyHtoDAsync_v2", buffer.address, host.ctypes.data, 48, 0x77)
    assert named[1] == ("cuMemcpyDtoDAsync_v2", buffer.address, 0x10, 8, 0x77)
    assert [call[0] for call in named[2:]] == [
        "cuModuleLoadData",
        "cuModuleGetFunction",
        "cuFuncSetAttribute",
        "cuLaunchKernel",
    ]
    assert named[5][2:10] == (1, 2, 3, 64, 1, 1, 50_000, 0x77)
    depth = [call[0] for call in library.calls]
    assert depth.count("cuCtxPushCurrent_v2") == depth.count("cuCtxPopCurrent_v2") > 3
    worked: list[int] = []
    torch.log.clear()
    graph = driver.capture(lambda: worked.append(1), stream)
    graph.launch(stream)
    assert worked == [1]
    assert [entry for entry in torch.log if entry != "device"] == ["graph thread_local", "stream", "replay"]
    # torch's allocator may hand memory on at once: nothing may still use it.
    torch.log.clear()
    buffer.free()
    assert "synchronize" in torch.log
    driver.close()
    with pytest.raises(DeviceError, match="freed"):
        graph.launch(stream)


def test_torch_errors_are_device_errors_in_one_line(torch: FakeTorch) -> None:
    driver = TorchDriver()
    stream = driver.stream()
    torch.fails = True
    with pytest.raises(DeviceError, match=r"illegal memory access was encountered\. See"):
        stream.synchronize()


def test_a_torch_without_a_device_says_so(torch: FakeTorch) -> None:
    torch.cuda.is_available = lambda: False
    with pytest.raises(EngineUnavailable, match=r"torch sees no CUDA device 0; got torch 2\.13"):
        TorchDriver()
