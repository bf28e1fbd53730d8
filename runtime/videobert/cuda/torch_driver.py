"""`CudaDriver` on a torch that is in the process anyway: its allocator, its streams, its graph capture.

torch is never imported for this: it is taken only where something else has imported it. Copies and kernels go to the
driver library, since torch has no call for a cubin.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.cuda.driver import SHARED_BYTES_WITHOUT_ATTRIBUTE, DeviceBuffer, Event, Function, Stream
from videobert.cuda.launch_extra import LaunchExtra
from videobert.cuda.libcuda import Libcuda

_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8


class _Owned:
    def __init__(self, driver: TorchDriver, raw: Any) -> None:
        self.driver, self.raw = driver, raw

    def free(self) -> None:
        """Give it back; a second time does nothing."""
        self.driver.release(self)


def _raw(made: object) -> Any:
    if not isinstance(made, _Owned) or made.raw is None:
        raise DeviceError("this was freed, or made by another driver", seen=type(made).__name__)
    return made.raw


class TorchBuffer(_Owned):
    """See `DeviceBuffer`."""

    def __init__(self, driver: TorchDriver, raw: Any, size_bytes: int) -> None:
        super().__init__(driver, raw)
        self.size_bytes = size_bytes
        self.address = int(raw.data_ptr())


class TorchEvent(_Owned):
    """See `Event`."""

    def synchronize(self) -> None:
        """See `Event.synchronize`."""
        with self.driver.current():
            _raw(self).synchronize()

    def milliseconds_since(self, earlier: Event) -> float:
        """See `Event.milliseconds_since`."""
        with self.driver.current():
            return float(_raw(earlier).elapsed_time(_raw(self)))


class TorchGraph(_Owned):
    """See `Graph`."""

    def launch(self, stream: Stream) -> None:
        """See `Graph.launch`."""
        with self.driver.current() as torch, torch.cuda.stream(_raw(stream)):
            _raw(self).replay()


class TorchStream(_Owned):
    """See `Stream`."""

    @property
    def handle(self) -> int:
        """See `Stream.handle`."""
        return int(_raw(self).cuda_stream)

    def record(self) -> TorchEvent:
        """See `Stream.record`."""
        with self.driver.current() as torch:
            event = torch.cuda.Event(enable_timing=True)
            event.record(_raw(self))
        return TorchEvent(self.driver, event)

    def wait(self, event: Event) -> None:
        """See `Stream.wait`."""
        with self.driver.current():
            _raw(self).wait_event(_raw(event))

    def synchronize(self) -> None:
        """See `Stream.synchronize`."""
        with self.driver.current():
            _raw(self).synchronize()


class TorchFunction(_Owned):
    """See `Function`."""

    def __init__(self, driver: TorchDriver, raw: int, name: str, shared_bytes: int) -> None:
        super().__init__(driver, raw)
        self.name, self.shared_bytes = name, shared_bytes


class TorchDriver:
    """See `CudaDriver`.

    Args:
        device: the device's number.

    Raises:
        EngineUnavailable: nothing has imported torch, it sees no such device, or there is no driver.
    """

    name = "torch"
    captures = True

    def __init__(self, device: int = 0) -> None:
        if "torch" not in sys.modules:
            raise EngineUnavailable(
                "the torch back end is for processes that have imported torch",
                fix="Import torch before, or leave the choice to auto.",
            )
        import torch

        if not torch.cuda.is_available() or device >= torch.cuda.device_count():
            raise EngineUnavailable(
                f"torch sees no CUDA device {device}", seen=f"torch {torch.__version__}", fix="Check `nvidia-smi`."
            )
        self._torch: Any = torch
        self._number = device
        self._library = Libcuda()
        self._kept: dict[int, _Owned] = {}
        self._modules: list[int] = []
        self._pinned: list[Any] = []
        try:
            self._torch.cuda.init()
            self._context = self._library.made("cuDevicePrimaryCtxRetain", self._ordinal(device))
            self.device_name = str(torch.cuda.get_device_name(device))
            major, minor = torch.cuda.get_device_capability(device)
        except (RuntimeError, DeviceError) as error:
            raise EngineUnavailable(
                f"CUDA device {device} cannot be used", seen=str(error), fix="Check `nvidia-smi`."
            ) from error
        self.capability = 10 * major + minor

    def _ordinal(self, device: int) -> int:
        number = ctypes.c_int()
        self._library.call("cuDeviceGet", ctypes.byref(number), device)
        return number.value

    @contextmanager
    def current(self) -> Iterator[Any]:
        """torch, with the primary context current inside; its errors become `DeviceError`."""
        self._library.call("cuCtxPushCurrent_v2", self._context)
        try:
            with self._torch.cuda.device(self._number):
                yield self._torch
        except RuntimeError as error:
            raise DeviceError(
                "the GPU or its driver refused a call",
                seen=str(error).strip().partition("\n")[0],
                fix="See `nvidia-smi`.",
            ) from error
        finally:
            self._library.made("cuCtxPopCurrent_v2")

    def release(self, made: _Owned) -> None:
        """Let go of `made` when nothing uses it any more."""
        if self._kept.pop(id(made), None) is not None:
            # torch's allocator knows nothing of the streams that the memory was used in.
            self.synchronize()
        made.raw = None

    def stream(self) -> TorchStream:
        """See `CudaDriver.stream`."""
        with self.current() as torch:
            return TorchStream(self, torch.cuda.Stream(self._number))

    def allocate(self, size_bytes: int) -> TorchBuffer:
        """See `CudaDriver.allocate`."""
        with self.current() as torch:
            raw = torch.empty(max(1, size_bytes), dtype=torch.uint8, device=f"cuda:{self._number}")
        buffer = TorchBuffer(self, raw, size_bytes)
        self._kept[id(buffer)] = buffer
        return buffer

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """See `CudaDriver.pinned`; the memory lives until `close`."""
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        with self.current() as torch:
            memory = torch.empty(max(1, size), dtype=torch.uint8, pin_memory=True)
        self._pinned.append(memory)
        array: npt.NDArray[Any] = memory.numpy()[:size].view(kind).reshape(shape)
        return array

    def upload(self, target: DeviceBuffer, source: npt.NDArray[Any], stream: Stream) -> None:
        """See `CudaDriver.upload`."""
        self._in_context("cuMemcpyHtoDAsync_v2", target.address, source.ctypes.data, source.nbytes, stream.handle)

    def download(self, target: npt.NDArray[Any], source: DeviceBuffer, stream: Stream) -> None:
        """See `CudaDriver.download`."""
        self._in_context("cuMemcpyDtoHAsync_v2", target.ctypes.data, source.address, target.nbytes, stream.handle)

    def copy(self, target: DeviceBuffer, source: int, size_bytes: int, stream: Stream) -> None:
        """See `CudaDriver.copy`."""
        self._in_context("cuMemcpyDtoDAsync_v2", target.address, source, size_bytes, stream.handle)

    def capture(self, work: Callable[[], None], stream: Stream) -> TorchGraph:
        """See `CudaDriver.capture`."""
        with self.current() as torch:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=_raw(stream), capture_error_mode="thread_local"):
                work()
        made = TorchGraph(self, graph)
        self._kept[id(made)] = made
        return made

    def load(self, image: bytes, entry: str, shared_bytes: int) -> TorchFunction:
        """See `CudaDriver.load`."""
        with self.current():
            module = self._library.made("cuModuleLoadData", image)
            self._modules.append(module)
            function = self._library.made("cuModuleGetFunction", module, entry.encode())
            if shared_bytes > SHARED_BYTES_WITHOUT_ATTRIBUTE:
                self._library.call("cuFuncSetAttribute", function, _MAX_DYNAMIC_SHARED_SIZE_BYTES, shared_bytes)
        return TorchFunction(self, function, entry, shared_bytes)

    def launch(
        self, function: Function, grid: tuple[int, int, int], threads: int, parameters: bytes, stream: Stream
    ) -> None:
        """See `CudaDriver.launch`."""
        extra = LaunchExtra(parameters)
        raw, shared = _raw(function), function.shared_bytes
        self._in_context("cuLaunchKernel", raw, *grid, threads, 1, 1, shared, stream.handle, None, extra.address)

    def synchronize(self) -> None:
        """See `CudaDriver.synchronize`."""
        with self.current() as torch:
            torch.cuda.synchronize(self._number)

    def close(self) -> None:
        """See `CudaDriver.close`."""
        self.synchronize()
        for made in self._kept.values():
            made.raw = None
        self._kept.clear()
        self._pinned.clear()
        while self._modules:
            self._in_context("cuModuleUnload", self._modules.pop())

    def _in_context(self, name: str, *arguments: Any) -> None:
        with self.current():
            self._library.call(name, *arguments)
