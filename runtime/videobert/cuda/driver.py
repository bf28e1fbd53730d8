"""The few things that a launcher needs of a CUDA driver, whoever provides them.

Every call that touches the device takes its stream, and nothing allocates while it launches: what is launched between
two events can also be captured in a graph, by a driver that can.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy.typing as npt

# A launch with more dynamic shared memory needs an attribute on its function first.
SHARED_BYTES_WITHOUT_ATTRIBUTE = 48 * 1024


class DeviceBuffer(Protocol):
    """Device memory, on a 256-byte boundary."""

    @property
    def address(self) -> int:
        """Where it starts, as a kernel sees it."""

    @property
    def size_bytes(self) -> int:
        """As asked for."""

    def free(self) -> None:
        """Give it back; waits for what still uses it."""


class Event(Protocol):
    """A point in a stream."""

    def synchronize(self) -> None:
        """Wait until the stream has passed it."""

    def free(self) -> None:
        """Give it back."""

    def milliseconds_since(self, earlier: Event) -> float:
        """Device time between two recorded events that have both passed."""


class Graph(Protocol):
    """Work that was captured once and is put in a stream as a whole; addresses and sizes in it are fixed."""

    def launch(self, stream: Stream) -> None:
        """Put the work in a stream."""

    def free(self) -> None:
        """Give it back."""


class Stream(Protocol):
    """Work in order."""

    @property
    def handle(self) -> int:
        """The CUDA stream, for libraries that take one."""

    def record(self) -> Event:
        """An event after everything that is in the stream now."""

    def wait(self, event: Event) -> None:
        """Let what comes later in this stream start after `event`, which may be another stream's."""

    def synchronize(self) -> None:
        """Wait for everything that is in the stream."""


class Function(Protocol):
    """A kernel that can be launched."""

    @property
    def name(self) -> str:
        """Its entry point."""

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of each of its launches."""


class CudaDriver(Protocol):
    """One device's primary context, the one that torch and the CUDA runtime use too.

    Every call makes the context current and puts back what was current before, so other users of CUDA in the process
    are not disturbed. Failures of the device or the driver are `DeviceError`.
    """

    @property
    def name(self) -> str:
        """Which back end this is: `"torch"`, `"cuda-bindings"` or `"pycuda"`."""

    @property
    def captures(self) -> bool:
        """Whether `capture` works."""

    @property
    def device_name(self) -> str:
        """As the vendor calls it."""

    @property
    def capability(self) -> int:
        """Major * 10 + minor."""

    def current(self) -> AbstractContextManager[Any]:
        """Makes the context current inside, for calls of a library that works in it."""

    def stream(self) -> Stream:
        """A new stream that does not wait for the default one."""

    def allocate(self, size_bytes: int) -> DeviceBuffer:
        """Device memory, its content undefined; at least one byte."""

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Host memory that copies run from and to without a stop in between; its content is undefined."""

    def upload(self, target: DeviceBuffer, source: npt.NDArray[Any], stream: Stream) -> None:
        """Copy a contiguous array to the start of a buffer; from pinned memory this returns at once."""

    def download(self, target: npt.NDArray[Any], source: DeviceBuffer, stream: Stream) -> None:
        """Copy the start of a buffer to a contiguous array; to pinned memory this returns at once."""

    def copy(self, target: DeviceBuffer, source: int, size_bytes: int, stream: Stream) -> None:
        """Copy from an address on the device to the start of a buffer."""

    def capture(self, work: Callable[[], None], stream: Stream) -> Graph:
        """What `work` puts in `stream`, as a graph; nothing of it runs now.

        Raises:
            EngineUnavailable: this back end has no graph capture.
            DeviceError: something in `work` cannot be captured.
        """

    def load(self, image: bytes, entry: str, shared_bytes: int) -> Function:
        """The function `entry` of a cubin, ready for launches with this much dynamic shared memory."""

    def launch(
        self, function: Function, grid: tuple[int, int, int], threads: int, parameters: bytes, stream: Stream
    ) -> None:
        """Put a launch in a stream.

        Args:
            function: what `load` gave; its shared memory is what was asked for there.
            grid: blocks along x, y and z.
            threads: per block, along x.
            parameters: values of all parameters, each at its natural alignment.
            stream: where.
        """

    def synchronize(self) -> None:
        """Wait for everything on the device that this context was asked for."""

    def close(self) -> None:
        """Free everything that this driver made. The primary context itself belongs to the process."""
