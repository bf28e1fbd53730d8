"""What the stages of one engine share: the library, its runtime, the stream and the scratch memory."""

from __future__ import annotations

from typing import Any

from videobert.base.errors import DeviceError, ModelError
from videobert.cuda.driver import CudaDriver, DeviceBuffer, Stream
from videobert.engines.tensorrt.flavour import Flavour


class Session:
    """A library with its runtime on one device.

    Stages run one after another in one stream, so they share scratch memory, which is as large as the largest needs.

    Args:
        driver: the device.
        flavour: the library.
        trt: its module.
    """

    def __init__(self, driver: CudaDriver, flavour: Flavour, trt: Any) -> None:
        self.driver, self.flavour, self.trt = driver, flavour, trt
        self.stream: Stream = driver.stream()
        self._scratch: DeviceBuffer | None = None
        # The library logs to stderr; errors of calls are raised here.
        with driver.current():
            self._runtime: Any = trt.Runtime(trt.Logger(trt.Logger.ERROR))

    @property
    def rtx(self) -> bool:
        """Whether this is TensorRT-RTX."""
        return self.flavour.lists_targets

    def deserialise(self, plan: bytes, stage: str) -> Any:
        """The engine of a plan. A plan is code: only one that `load_plan` returned may come here.

        Raises:
            ModelError: the library refuses it.
        """
        with self.driver.current():
            engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise ModelError(
                f"the engine of {stage} was refused by {self.flavour.module}",
                seen="the reason is in the library's log above",
                fix=f"Build it again on this machine: `videobert build MODEL --target {self.flavour.target}`.",
            )
        return engine

    def scratch(self, size_bytes: int) -> DeviceBuffer:
        """Scratch memory for every context; asked for once, with the largest need."""
        if self._scratch is not None:
            raise DeviceError("scratch memory was given out already", seen=size_bytes)
        self._scratch = self.driver.allocate(size_bytes)
        return self._scratch

    def close(self) -> None:
        """Give back scratch memory and the runtime, after the stages."""
        if self._scratch is not None:
            self._scratch.free()
            self._scratch = None
        with self.driver.current():
            self._runtime = None
