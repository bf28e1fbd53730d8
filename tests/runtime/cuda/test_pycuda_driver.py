"""The pycuda back end, against a stand-in with the calls of pycuda 2026.1, and for real where there is a GPU."""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.cuda import pycuda_driver
from videobert.cuda.driver import CudaDriver
from videobert.cuda.pycuda_driver import PycudaDriver

# Of what pycuda 2026.1 has, built against CUDA 13: the names that a driver may need. There are no flags for streams.
NAMES = {
    *("Context", "Device", "Error", "Event", "Function", "LogicError", "Module", "Stream"),
    *("event_flags", "function_attribute", "init", "mem_alloc", "module_from_buffer", "pagelocked_empty"),
    *("memcpy_dtod_async", "memcpy_dtoh_async", "memcpy_htod_async"),
}


class FakePycuda(types.ModuleType):
    """`pycuda.driver`: every call checks that the context is current, as the real one needs it, and is remembered."""

    class Error(Exception): ...

    class LogicError(Error): ...

    def __init__(self) -> None:
        super().__init__("pycuda.driver")
        outer = self
        self.calls: list[tuple[Any, ...]] = []
        self.depth = 0
        self.retained = 0
        # Objects that were destroyed while their context was not current.
        self.let_go_outside = 0
        self.fails: str | None = None
        self.function_attribute = types.SimpleNamespace(MAX_DYNAMIC_SHARED_SIZE_BYTES="most shared")

        class Context:
            def push(self) -> None:
                outer.depth += 1

            @staticmethod
            def pop() -> None:
                outer.depth -= 1

            @staticmethod
            def synchronize() -> None:
                outer.call("Context.synchronize")

            def detach(self) -> None:
                raise AssertionError("a primary context must not be detached")

        class Device:
            def __init__(self, number: int) -> None:
                if number:
                    raise outer.LogicError("cuDeviceGet failed: invalid device ordinal")

            def name(self) -> str:
                return "Fake H100"

            def compute_capability(self) -> tuple[int, int]:
                return (9, 0)

            def retain_primary_context(self) -> Context:
                outer.retained += 1
                return Context()

            def make_context(self) -> None:
                raise AssertionError("a second context")

        class Recorder:
            def __init__(self, *arguments: Any) -> None:
                outer.call(type(self).__name__, *arguments)

            def __del__(self) -> None:
                outer.let_go_outside += not outer.depth

        class Stream(Recorder):
            def synchronize(self) -> None:
                outer.call("Stream.synchronize")

            def wait_for_event(self, event: Any) -> None:
                outer.call("Stream.wait_for_event")

        class Event(Recorder):
            def record(self, stream: Any) -> None:
                outer.call("Event.record", type(stream).__name__)

            def synchronize(self) -> None:
                outer.call("Event.synchronize")

            def time_since(self, earlier: Any) -> float:
                return 1.25

        class Allocation(Recorder):
            def __int__(self) -> int:
                return 0x7000

        class Function(Recorder):
            def set_attribute(self, attribute: str, value: int) -> None:
                outer.call("set_attribute", attribute, value)

            def _launch_kernel(self, *arguments: Any) -> None:
                outer.call("_launch_kernel", *arguments[:-1], type(arguments[-1]).__name__)

        class Module(Recorder):
            def get_function(self, name: str) -> Function:
                return Function(name)

        self.Context, self.Device, self.Stream, self.Event = Context, Device, Stream, Event
        self.mem_alloc = Allocation
        self.module_from_buffer = Module

    def call(self, name: str, *arguments: Any) -> None:
        assert self.depth == 1, f"{name} while the context was not current"
        self.calls.append((name, *arguments))
        if name == self.fails:
            raise self.LogicError(f"cu{name} failed: invalid argument")

    def init(self) -> None: ...

    def pagelocked_empty(self, shape: Any, dtype: Any) -> Any:
        self.call("pagelocked_empty", shape)
        return np.empty(shape, dtype)

    def memcpy_htod_async(self, target: int, source: Any, stream: Any) -> None:
        self.call("memcpy_htod_async", target, type(stream).__name__)

    def memcpy_dtoh_async(self, target: Any, source: int, stream: Any) -> None:
        self.call("memcpy_dtoh_async", source, type(stream).__name__)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePycuda]:
    fake, package = FakePycuda(), types.ModuleType("pycuda")
    package.driver = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", fake)
    # The module that makes a context of its own when it is imported.
    monkeypatch.setitem(sys.modules, "pycuda.autoinit", None)
    monkeypatch.setattr(pycuda_driver, "_CONTEXTS", {})
    yield fake
    assert fake.depth == 0, "a context was left current"


def test_the_driver_and_its_stand_in_use_names_that_pycuda_has() -> None:
    source = Path(pycuda_driver.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![\w.])cuda\.(\w+)", source)) <= NAMES
    own = {"call", "calls", "depth", "fails", "let_go_outside", "retained"}
    assert {name for name in {*vars(FakePycuda), *vars(FakePycuda())} if not name.startswith("_")} - own <= NAMES


def test_a_launch_gives_the_driver_what_was_asked(cuda: FakePycuda) -> None:
    driver: CudaDriver = PycudaDriver()
    assert (driver.device_name, driver.capability) == ("Fake H100", 90)
    stream = driver.stream()
    function = driver.load(b"cubin", "kernel", 48 * 1024)
    large = driver.load(b"cubin", "large", 48 * 1024 + 16)
    driver.launch(function, (3, 2, 1), 128, b"bytes", stream)
    driver.launch(large, (1, 1, 1), 256, b"", stream)
    stream.synchronize()
    assert cuda.calls == [
        ("Stream", 1),
        ("Module", b"cubin"),
        ("Function", "kernel"),
        ("Module", b"cubin"),
        ("Function", "large"),
        ("set_attribute", "most shared", 48 * 1024 + 16),
        ("_launch_kernel", (3, 2, 1), (128, 1, 1), b"bytes", 48 * 1024, "Stream"),
        ("_launch_kernel", (1, 1, 1), (256, 1, 1), b"", 48 * 1024 + 16, "Stream"),
        ("Stream.synchronize",),
    ]
    driver.close()


def test_memory_events_and_copies(cuda: FakePycuda) -> None:
    driver = PycudaDriver()
    first, second = driver.stream(), driver.stream()
    buffer = driver.allocate(0)
    assert (buffer.address, buffer.size_bytes) == (0x7000, 0)
    host = driver.pinned((4,), np.float32)
    driver.upload(buffer, host, first)
    event = first.record()
    second.wait(event)
    driver.download(host, buffer, second)
    assert second.record().milliseconds_since(event) == 1.25
    event.synchronize()
    event.free()
    buffer.free()
    buffer.free()
    driver.synchronize()
    driver.close()
    assert cuda.let_go_outside == 0
    assert ("Allocation", 1) in cuda.calls
    assert [call[0] for call in cuda.calls if call[0].startswith(("memcpy", "Stream.", "Event."))] == [
        "memcpy_htod_async",
        "Event.record",
        "Stream.wait_for_event",
        "memcpy_dtoh_async",
        "Event.record",
        "Event.synchronize",
    ]


def test_what_was_freed_cannot_be_used(cuda: FakePycuda) -> None:
    driver = PycudaDriver()
    stream = driver.stream()
    function = driver.load(b"cubin", "kernel", 0)
    driver.close()
    with pytest.raises(DeviceError, match="freed"):
        driver.launch(function, (1, 1, 1), 32, b"", stream)


def test_one_primary_context_per_device_for_the_whole_process(cuda: FakePycuda) -> None:
    for _ in range(3):
        PycudaDriver().close()
    assert cuda.retained == 1


@pytest.mark.parametrize("call", ["Stream", "Module", "Function", "set_attribute", "_launch_kernel", "Allocation"])
def test_a_refusal_is_a_device_error_and_the_context_is_put_back(call: str, cuda: FakePycuda) -> None:
    driver = PycudaDriver()
    stream = driver.stream()
    cuda.fails = call

    def use() -> None:
        driver.stream()
        driver.allocate(16)
        driver.launch(driver.load(b"cubin", "kernel", 50_000), (1, 1, 1), 32, b"", stream)

    with pytest.raises(DeviceError, match=f"LogicError: cu{call} failed: invalid argument"):
        use()
    assert cuda.depth == 0
    driver.close()


def test_a_device_that_is_not_there_is_an_environment_error(cuda: FakePycuda) -> None:
    with pytest.raises(EngineUnavailable, match="CUDA device 1 cannot be used; got cuDeviceGet failed"):
        PycudaDriver(1)


def test_without_pycuda_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.delitem(sys.modules, "pycuda.driver", raising=False)
    with pytest.raises(EngineUnavailable, match=r"pycuda cannot be used.*pip install pycuda") as raised:
        PycudaDriver()
    assert raised.value.exit_code == 4


def _device() -> str | None:
    if importlib.util.find_spec("pycuda") is None:
        return "pycuda is not installed"
    try:
        PycudaDriver().close()
    except EngineUnavailable as error:
        return str(error)
    return None


@pytest.fixture
def real() -> Iterator[PycudaDriver]:
    reason = _device()
    if reason is not None:
        pytest.skip(f"needs a GPU and pycuda: {reason}")
    driver = PycudaDriver()
    yield driver
    driver.close()


def test_bytes_survive_the_way_to_a_real_device_and_back(real: PycudaDriver) -> None:
    stream = real.stream()
    sent, back = real.pinned((1 << 20,), np.uint8), real.pinned((1 << 20,), np.uint8)
    sent[...] = np.random.default_rng(0).integers(0, 256, 1 << 20, np.uint8)
    buffer = real.allocate(sent.nbytes)
    assert buffer.address % 256 == 0
    before = stream.record()
    real.upload(buffer, sent, stream)
    real.download(back, buffer, stream)
    after = stream.record()
    stream.synchronize()
    assert (sent == back).all()
    assert 0 < after.milliseconds_since(before) < 1000
