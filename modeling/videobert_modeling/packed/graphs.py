"""What the packed encoder asks of a device that records work and replays it, and CUDA's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

# Before a capture, kernels are compiled and libraries make their workspaces.
_WARM_UPS = 3


class GraphDevice(Protocol):
    """A device with recorded work. Copies and replays run in the order of the calls; only `wait` waits."""

    def on_host(self, size: int, dtype: torch.dtype) -> Tensor:
        """A buffer on the host that copies to and from the device can use directly."""
        ...

    def on_device(self, size: int, dtype: torch.dtype) -> Tensor:
        """A buffer on the device, zeroed."""
        ...

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Run `work` until it is warm, record it, and give what replays it."""
        ...

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Start a copy between host and device."""
        ...

    def wait(self) -> None:
        """Until everything that was started is done."""
        ...


class CudaGraphs:
    """CUDA graphs on a stream of their own, with one pool of memory for all.

    The pool may be shared because graphs here never run at the same time and what one leaves is read before the next
    one starts.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def on_host(self, size: int, dtype: torch.dtype) -> Tensor:
        """Page-locked memory."""
        return torch.zeros(size, dtype=dtype, pin_memory=True)

    def on_device(self, size: int, dtype: torch.dtype) -> Tensor:
        """See `GraphDevice`."""
        with torch.cuda.stream(self._stream):
            return torch.zeros(size, dtype=dtype, device=self._device)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """See `GraphDevice`."""
        # What `work` reads, such as weights, may still be on its way in the caller's stream.
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                work()
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile, for instance for the backbone.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            work()

        def replay() -> None:
            with torch.cuda.stream(self._stream):
                graph.replay()

        return replay

    def copy(self, target: Tensor, source: Tensor) -> None:
        """See `GraphDevice`."""
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)

    def wait(self) -> None:
        """See `GraphDevice`."""
        self._done.record(self._stream)
        self._done.synchronize()
