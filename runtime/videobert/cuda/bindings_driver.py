"""`CudaDriver` on cuda-bindings, NVIDIA's own package: wheels for every platform, and graph capture.

Only ever the primary context. The package is imported when a driver is opened; it imports without a driver library,
and its first call then fails.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.base.offline_imports import no_library_search
from videobert.cuda.driver import SHARED_BYTES_WITHOUT_ATTRIBUTE, DeviceBuffer, Event, Function, Stream
from videobert.cuda.launch_extra import LaunchExtra

_NAME_BYTES = 256


class _Owned:
    """A handle of the driver's, and the call that gives it back."""

    def __init__(self, driver: BindingsDriver, raw: Any, give_back: str | None) -> None:
        self.driver, self.raw, self.give_back = driver, raw, give_back

    def free(self) -> None:
        """Give it back; a second time does nothing."""
        self.driver.release(self)


def _raw(made: object) -> Any:
    if not isinstance(made, _Owned) or made.raw is None:
        raise DeviceError("this was freed, or made by another driver", seen=type(made).__name__)
    return made.raw


class BindingsBuffer(_Owned):
    """See `DeviceBuffer`."""

    def __init__(self, driver: BindingsDriver, raw: Any, size_bytes: int) -> None:
        super().__init__(driver, raw, "cuMemFree")
        self.size_bytes = size_bytes
        self.address = int(raw)


class BindingsEvent(_Owned):
    """See `Event`."""

    def synchronize(self) -> None:
        """See `Event.synchronize`."""
        self.driver.call("cuEventSynchronize", _raw(self))

    def milliseconds_since(self, earlier: Event) -> float:
        """See `Event.milliseconds_since`."""
        return float(self.driver.call("cuEventElapsedTime", _raw(earlier), _raw(self)))


class BindingsGraph(_Owned):
    """See `Graph`."""

    def launch(self, stream: Stream) -> None:
        """See `Graph.launch`."""
        self.driver.call("cuGraphLaunch", _raw(self), _raw(stream))


class BindingsStream(_Owned):
    """See `Stream`."""

    @property
    def handle(self) -> int:
        """See `Stream.handle`."""
        return int(_raw(self))

    def record(self) -> BindingsEvent:
        """See `Stream.record`."""
        event = BindingsEvent(self.driver, self.driver.call("cuEventCreate", 0), "cuEventDestroy")
        self.driver.keep(event)
        self.driver.call("cuEventRecord", _raw(event), _raw(self))
        return event

    def wait(self, event: Event) -> None:
        """See `Stream.wait`."""
        self.driver.call("cuStreamWaitEvent", _raw(self), _raw(event), 0)

    def synchronize(self) -> None:
        """See `Stream.synchronize`."""
        self.driver.call("cuStreamSynchronize", _raw(self))


class BindingsFunction(_Owned):
    """See `Function`."""

    def __init__(self, driver: BindingsDriver, raw: Any, name: str, shared_bytes: int) -> None:
        super().__init__(driver, raw, None)
        self.name, self.shared_bytes = name, shared_bytes


class BindingsDriver:
    """See `CudaDriver`.

    Args:
        device: the device's number.

    Raises:
        EngineUnavailable: cuda-bindings or a driver is not installed, or there is no such device.
    """

    name = "cuda-bindings"
    captures = True

    def __init__(self, device: int = 0) -> None:
        try:
            with no_library_search():
                from cuda.bindings import driver as cuda
        except ImportError as error:
            raise EngineUnavailable(
                "cuda-bindings cannot be used", seen=str(error), fix="Run `pip install cuda-bindings`."
            ) from error
        self._cuda: Any = cuda
        self._kept: dict[int, _Owned] = {}
        self._pinned: dict[int, npt.NDArray[Any]] = {}
        try:
            self._checked("cuInit", 0)
            found = self._checked("cuDeviceGet", device)
            # Kept as long as the process, like everyone else's: the last release would reset the device.
            self._context = self._checked("cuDevicePrimaryCtxRetain", found)
            name = self._checked("cuDeviceGetName", _NAME_BYTES, found)
            kinds = cuda.CUdevice_attribute
            major = self._checked("cuDeviceGetAttribute", kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, found)
            minor = self._checked("cuDeviceGetAttribute", kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, found)
        except Exception as error:
            # Without a driver library the package raises errors of several kinds, of its own.
            raise EngineUnavailable(
                f"CUDA device {device} cannot be used", seen=str(error), fix="Check `nvidia-smi`."
            ) from error
        self.device_name = bytes(name).split(b"\0")[0].decode(errors="replace")
        self.capability = 10 * int(major) + int(minor)

    def _checked(self, function: str, *arguments: Any) -> Any:
        status, *values = getattr(self._cuda, function)(*arguments)
        if int(status):
            raise DeviceError(
                "the GPU or its driver refused a call",
                seen=f"{function}: {getattr(status, 'name', status)}",
                fix="See `nvidia-smi`.",
            )
        return values[0] if values else None

    @contextmanager
    def current(self) -> Iterator[Any]:
        """The package's driver module, with the primary context current inside."""
        self._checked("cuCtxPushCurrent", self._context)
        try:
            yield self._cuda
        finally:
            self._checked("cuCtxPopCurrent")

    def call(self, function: str, *arguments: Any) -> Any:
        """One driver call in the context: its result, or a `DeviceError`."""
        with self.current():
            return self._checked(function, *arguments)

    def keep(self, made: _Owned) -> None:
        """Remember `made` until `release` or `close`."""
        self._kept[id(made)] = made

    def release(self, made: _Owned) -> None:
        """Give `made` back to the driver."""
        if self._kept.pop(id(made), None) is not None:
            raw, made.raw = made.raw, None
            if made.give_back is not None:
                self.call(made.give_back, raw)

    def stream(self) -> BindingsStream:
        """See `CudaDriver.stream`."""
        flag = int(self._cuda.CUstream_flags.CU_STREAM_NON_BLOCKING)
        stream = BindingsStream(self, self.call("cuStreamCreate", flag), "cuStreamDestroy")
        self.keep(stream)
        return stream

    def allocate(self, size_bytes: int) -> BindingsBuffer:
        """See `CudaDriver.allocate`."""
        buffer = BindingsBuffer(self, self.call("cuMemAlloc", max(1, size_bytes)), size_bytes)
        self.keep(buffer)
        return buffer

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """See `CudaDriver.pinned`; the memory lives until `close`."""
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape)) * kind.itemsize)
        address = int(self.call("cuMemHostAlloc", size, 0))
        memory = np.ctypeslib.as_array((ctypes.c_ubyte * size).from_address(address))
        array: npt.NDArray[Any] = memory[: int(np.prod(shape)) * kind.itemsize].view(kind).reshape(shape)
        self._pinned[address] = array
        return array

    def upload(self, target: DeviceBuffer, source: npt.NDArray[Any], stream: Stream) -> None:
        """See `CudaDriver.upload`."""
        self.call("cuMemcpyHtoDAsync", target.address, source.ctypes.data, source.nbytes, _raw(stream))

    def download(self, target: npt.NDArray[Any], source: DeviceBuffer, stream: Stream) -> None:
        """See `CudaDriver.download`."""
        self.call("cuMemcpyDtoHAsync", target.ctypes.data, source.address, target.nbytes, _raw(stream))

    def copy(self, target: DeviceBuffer, source: int, size_bytes: int, stream: Stream) -> None:
        """See `CudaDriver.copy`."""
        self.call("cuMemcpyDtoDAsync", target.address, source, size_bytes, _raw(stream))

    def capture(self, work: Callable[[], None], stream: Stream) -> BindingsGraph:
        """See `CudaDriver.capture`."""
        # Thread-local: what other threads of the process do meanwhile is none of its business.
        mode = self._cuda.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        with self.current():
            self._checked("cuStreamBeginCapture", _raw(stream), mode)
            try:
                work()
            except BaseException:
                # Leaves the stream usable; what was captured so far is of no use.
                status, half = self._cuda.cuStreamEndCapture(_raw(stream))
                if not int(status):
                    self._cuda.cuGraphDestroy(half)
                raise
            drawn = self._checked("cuStreamEndCapture", _raw(stream))
            try:
                made = BindingsGraph(self, self._checked("cuGraphInstantiate", drawn, 0), "cuGraphExecDestroy")
            finally:
                self._checked("cuGraphDestroy", drawn)
        self.keep(made)
        return made

    def load(self, image: bytes, entry: str, shared_bytes: int) -> BindingsFunction:
        """See `CudaDriver.load`."""
        module = _Owned(self, self.call("cuModuleLoadData", image), "cuModuleUnload")
        self.keep(module)
        function = self.call("cuModuleGetFunction", module.raw, entry.encode())
        if shared_bytes > SHARED_BYTES_WITHOUT_ATTRIBUTE:
            attribute = self._cuda.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            self.call("cuFuncSetAttribute", function, attribute, shared_bytes)
        made = BindingsFunction(self, function, entry, shared_bytes)
        self.keep(made)
        return made

    def launch(
        self, function: Function, grid: tuple[int, int, int], threads: int, parameters: bytes, stream: Stream
    ) -> None:
        """See `CudaDriver.launch`."""
        extra = LaunchExtra(parameters)
        block = (threads, 1, 1)
        raw, shared = _raw(function), function.shared_bytes
        self.call("cuLaunchKernel", raw, *grid, *block, shared, _raw(stream), 0, extra.address)

    def synchronize(self) -> None:
        """See `CudaDriver.synchronize`."""
        self.call("cuCtxSynchronize")

    def close(self) -> None:
        """See `CudaDriver.close`."""
        self.synchronize()
        for made in reversed(list(self._kept.values())):
            self.release(made)
        while self._pinned:
            address, _ = self._pinned.popitem()
            self.call("cuMemFreeHost", address)
