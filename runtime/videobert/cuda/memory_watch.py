"""The most memory of a GPU that was taken while something ran, by all processes together."""

from __future__ import annotations

import ctypes
import threading
from types import TracebackType

from videobert.base.errors import DeviceError, EngineUnavailable
from videobert.cuda.libcuda import Libcuda


class MemoryWatch:
    """Looks again and again, in a thread of its own, how much of a GPU is taken while this is open.

    What is counted is what the driver says of the whole GPU, less what was taken when this opened: it has the contexts
    and the code of the process that is watched, which no library of that process knows of, and also what other
    processes took meanwhile.

    Args:
        device: the GPU's number.
        every_s: seconds between two looks; what is taken for less may be missed.
    """

    def __init__(self, device: int = 0, *, every_s: float = 0.01) -> None:
        self._device, self._every_s = device, every_s
        self._library: Libcuda | None = None
        self._context = 0
        self._before = self._most = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> MemoryWatch:
        try:
            library = Libcuda()
            library.call("cuInit", 0)
            device = ctypes.c_int(0)
            library.call("cuDeviceGet", ctypes.byref(device), self._device)
            # As elsewhere kept as long as the process.
            self._context = library.made("cuDevicePrimaryCtxRetain", device)
            self._before = self._most = self._taken(library)
        except (EngineUnavailable, DeviceError):
            return self
        self._library = library
        self._thread = threading.Thread(target=self._look, args=(library,), name="videobert-gpu-memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._over.set()
            self._thread.join()

    @property
    def peak_bytes(self) -> int | None:
        """The most that was taken, more than at the beginning; None where the driver does not tell."""
        return None if self._library is None else self._most - self._before

    def _look(self, library: Libcuda) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._most = max(self._most, self._taken(library))
            except DeviceError:
                self._library = None
                return

    def _taken(self, library: Libcuda) -> int:
        free, total, before = ctypes.c_size_t(0), ctypes.c_size_t(0), ctypes.c_void_p()
        library.call("cuCtxPushCurrent_v2", self._context)
        try:
            library.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        finally:
            library.call("cuCtxPopCurrent_v2", ctypes.byref(before))
        return total.value - free.value
