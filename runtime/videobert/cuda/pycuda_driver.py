"""`CudaDriver` on pycuda. Only ever the primary context; pycuda is imported when a driver is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy.typing as npt

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.cuda.driver import SHARED_BYTES_WITHOUT_ATTRIBUTE, DeviceBuffer, Event, Function, Graph, Stream

# By device number; kept as long as the process. Detaching a primary context leaves it current on the thread that does
# so, in pycuda 2026.1, which would disturb other users of CUDA, and its destructor detaches.
_CONTEXTS: dict[int, Any] = {}
# CU_STREAM_NON_BLOCKING, which pycuda has no name for.
_NON_BLOCKING = 1


class _Owned:
    """A pycuda object that must be let go of while its context is current."""

    def __init__(self, driver: PycudaDriver, raw: Any) -> None:
        self.driver = driver
        self.raw = raw


_Made = TypeVar("_Made", bound=_Owned)


def _raw(made: object) -> Any:
    if not isinstance(made, _Owned) or made.raw is None:
        raise DeviceError("this was freed, or made by another driver", seen=type(made).__name__)
    return made.raw


class PycudaBuffer(_Owned):
    """See `DeviceBuffer`."""

    def __init__(self, driver: PycudaDriver, raw: Any, size_bytes: int) -> None:
        super().__init__(driver, raw)
        self.size_bytes = size_bytes
        self.address = int(raw)

    def free(self) -> None:
        """See `DeviceBuffer.free`."""
        self.driver.release(self)


class PycudaEvent(_Owned):
    """See `Event`."""

    def free(self) -> None:
        """See `Event.free`."""
        self.driver.release(self)

    def synchronize(self) -> None:
        """See `Event.synchronize`."""
        with self.driver.current():
            _raw(self).synchronize()

    def milliseconds_since(self, earlier: Event) -> float:
        """See `Event.milliseconds_since`."""
        with self.driver.current():
            return float(_raw(self).time_since(_raw(earlier)))


class PycudaStream(_Owned):
    """See `Stream`."""

    @property
    def handle(self) -> int:
        """See `Stream.handle`."""
        return int(_raw(self).handle)

    def record(self) -> PycudaEvent:
        """See `Stream.record`."""
        with self.driver.current() as cuda:
            event = self.driver.keep(PycudaEvent(self.driver, cuda.Event()))
            event.raw.record(_raw(self))
        return event

    def wait(self, event: Event) -> None:
        """See `Stream.wait`."""
        with self.driver.current():
            _raw(self).wait_for_event(_raw(event))

    def synchronize(self) -> None:
        """See `Stream.synchronize`."""
        with self.driver.current():
            _raw(self).synchronize()


class PycudaFunction(_Owned):
    """See `Function`."""

    def __init__(self, driver: PycudaDriver, raw: Any, name: str, shared_bytes: int) -> None:
        super().__init__(driver, raw)
        self.name = name
        self.shared_bytes = shared_bytes


class PycudaDriver:
    """See `CudaDriver`.

    Args:
        device: the device's number.

    Raises:
        EngineUnavailable: pycuda or a driver is not installed, or there is no such device.
    """

    name = "pycuda"
    captures = False

    def __init__(self, device: int = 0) -> None:
        try:
            import pycuda.driver as cuda
        except ImportError as error:
            raise EngineUnavailable(
                "pycuda cannot be used", seen=str(error), fix="Where there is an NVIDIA driver: pip install pycuda."
            ) from error
        self._cuda = cuda
        self._kept: dict[int, _Owned] = {}
        self._pinned: list[Any] = []
        try:
            cuda.init()
            found = cuda.Device(device)
            if device not in _CONTEXTS:
                _CONTEXTS[device] = found.retain_primary_context()
            self._context = _CONTEXTS[device]
            self.device_name = str(found.name())
            major, minor = found.compute_capability()
        except cuda.Error as error:
            raise EngineUnavailable(
                f"CUDA device {device} cannot be used", seen=str(error), fix="Check `nvidia-smi`."
            ) from error
        self.capability = 10 * int(major) + int(minor)

    @contextmanager
    def current(self) -> Iterator[Any]:
        """pycuda's driver module, with the primary context current inside; its errors become `DeviceError`."""
        cuda = self._cuda
        try:
            self._context.push()
            try:
                yield cuda
            finally:
                cuda.Context.pop()
        except cuda.Error as error:
            raise DeviceError(
                "the GPU or its driver refused a call", seen=f"{type(error).__name__}: {error}", fix="See `nvidia-smi`."
            ) from error

    def keep(self, made: _Made) -> _Made:
        """Remember `made` until `release` or `close`."""
        self._kept[id(made)] = made
        return made

    def release(self, made: _Owned) -> None:
        """Let go of `made` while its context is current."""
        with self.current():
            if self._kept.pop(id(made), None) is not None:
                made.raw = None

    def stream(self) -> PycudaStream:
        """See `CudaDriver.stream`."""
        with self.current() as cuda:
            return self.keep(PycudaStream(self, cuda.Stream(_NON_BLOCKING)))

    def allocate(self, size_bytes: int) -> PycudaBuffer:
        """See `CudaDriver.allocate`."""
        with self.current() as cuda:
            return self.keep(PycudaBuffer(self, cuda.mem_alloc(max(1, size_bytes)), size_bytes))

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """See `CudaDriver.pinned`."""
        with self.current() as cuda:
            array: npt.NDArray[Any] = cuda.pagelocked_empty(shape, dtype)
        self._pinned.append(array)
        return array

    def upload(self, target: DeviceBuffer, source: npt.NDArray[Any], stream: Stream) -> None:
        """See `CudaDriver.upload`."""
        with self.current() as cuda:
            cuda.memcpy_htod_async(target.address, source, _raw(stream))

    def download(self, target: npt.NDArray[Any], source: DeviceBuffer, stream: Stream) -> None:
        """See `CudaDriver.download`."""
        with self.current() as cuda:
            cuda.memcpy_dtoh_async(target, source.address, _raw(stream))

    def copy(self, target: DeviceBuffer, source: int, size_bytes: int, stream: Stream) -> None:
        """See `CudaDriver.copy`."""
        with self.current() as cuda:
            cuda.memcpy_dtod_async(target.address, source, size_bytes, _raw(stream))

    def capture(self, work: Callable[[], None], stream: Stream) -> Graph:
        """pycuda has no graph capture."""
        raise EngineUnavailable(
            "pycuda has no graph capture", fix="Install cuda-bindings, which has: pip install cuda-bindings."
        )

    def load(self, image: bytes, entry: str, shared_bytes: int) -> PycudaFunction:
        """See `CudaDriver.load`."""
        with self.current() as cuda:
            module = self.keep(_Owned(self, cuda.module_from_buffer(image)))
            raw = module.raw.get_function(entry)
            if shared_bytes > SHARED_BYTES_WITHOUT_ATTRIBUTE:
                raw.set_attribute(cuda.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, shared_bytes)
            return self.keep(PycudaFunction(self, raw, entry, shared_bytes))

    def launch(
        self, function: Function, grid: tuple[int, int, int], threads: int, parameters: bytes, stream: Stream
    ) -> None:
        """See `CudaDriver.launch`."""
        with self.current():
            # What pycuda's own prepared calls end in; it takes the parameters as they lie in memory.
            _raw(function)._launch_kernel(grid, (threads, 1, 1), parameters, function.shared_bytes, _raw(stream))

    def synchronize(self) -> None:
        """See `CudaDriver.synchronize`."""
        with self.current() as cuda:
            cuda.Context.synchronize()

    def close(self) -> None:
        """See `CudaDriver.close`."""
        with self.current() as cuda:
            cuda.Context.synchronize()
            for made in reversed(self._kept.values()):
                made.raw = None
            self._kept.clear()
            self._pinned.clear()
