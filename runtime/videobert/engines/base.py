"""What an engine is: something that runs the stages of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from videobert.model.precision import Precision
from videobert.model.stage import Stage

if TYPE_CHECKING:
    from videobert.visual.codebook import Codebook

Hint = Literal["latency", "throughput"]
HINTS = ("latency", "throughput")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What a caller may ask of any engine.

    Args:
        threads: most CPU threads that compute at a time; None lets the engine choose.
        hint: `"latency"`: all threads work on one input; `"throughput"`: several inputs at a time.
        precision: `"auto"` is bf16 where the hardware multiplies it natively, else fp32, and in the openvino engine
            int8 for a model that is known to be as right in it; `"exact"` is bf16 or fp32 likewise in an engine that is
            `RunsInFp32`, and fp32 in others; `"int8"` is the openvino engine's alone.
        cache_dir: where compiled graphs are kept; None is the user's cache folder.
        rebuild_engines: of the tensorrt engine: build engines that are missing, damaged or for another GPU or version,
            instead of refusing; takes minutes.
        trust_engines: of the tensorrt engine: load engines and kernels that someone else built.
        cuda: of the tensorrt engine: the CUDA back end, see `videobert.cuda.choice`.
    """

    threads: int | None = None
    hint: Hint = "latency"
    precision: Precision = "auto"
    cache_dir: Path | None = None
    rebuild_engines: bool = False
    trust_engines: bool = False
    cuda: str = "auto"


class DeviceArray(Protocol):
    """An array that lies on a GPU, such as a clip that was decoded there; handed over through DLPack."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __dlpack__(self, **options: Any) -> Any: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...

    def on_host(self) -> npt.NDArray[Any]:
        """A copy in the memory of the host."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Runs stages; `run` and `run_all` may be called from many threads at once.

    Attributes:
        name: e.g. `"openvino"`.
        device: e.g. `"CPU"`.
        precision: arithmetic in use, e.g. `"bf16"`.
        fallback: why this is not the engine that would have been first choice; None if it is.
        parallel: how many backbone calls are worth having under way at once.
        takes_device_arrays: whether `clips` may be a `DeviceArray`, then without the leading 1.
    """

    name: str
    device: str
    precision: str
    fallback: str | None
    parallel: int
    takes_device_arrays: bool

    def run(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]:
        """Run one stage that has one output.

        Args:
            stage: one that the model's family lists, see `videobert.model.stage_lists`.
            inputs: what its `StageSpec` says, by name, contiguous. A stage that takes one item at a time gets a batch
                of 1.

        Returns:
            The stage's output, contiguous.

        Raises:
            ModelError: the model has no such stage, or its graph cannot be run.
        """
        ...

    def run_all(self, stage: Stage, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        """Run one stage, whatever outputs it has.

        Args:
            stage, inputs: as in `run`.

        Returns:
            The outputs by name, each contiguous.

        Raises:
            ModelError: as in `run`, or the stage's graph has other outputs.
        """
        ...

    def prepare(self) -> None:
        """Compile every stage that the model has."""
        ...

    def close(self) -> None:
        """Give back memory; later calls of `run` and `run_all` are errors."""
        ...


@runtime_checkable
class TakesPixels(Protocol):
    """An engine that runs a backbone on what the backbone's own program feeds it."""

    def features_of_pixels(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The features, float32 `(1, feature_dim)`, of a clip that is normalised already.

        Args:
            pixels: float32 `(1, 3, frames, height, width)`; its sizes need not be those of the recipe.

        Raises:
            InputError: the backbone takes no clip of that size.
        """
        ...


@runtime_checkable
class RunsInFp32(Protocol):
    """An engine that also runs stages in fp32 where its precision is `"exact"`."""

    def run_in_fp32(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]:
        """As `Engine.run`, in fp32; what that needs is compiled by the first call."""
        ...


@runtime_checkable
class RunsInt8(Protocol):
    """An engine that runs some stages on 8-bit values, whatever its precision.

    Attributes:
        int8_stages: which, where the model has them.
    """

    int8_stages: tuple[Stage, ...]


Assign = Callable[..., tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]


@runtime_checkable
class AssignsTokens(Protocol):
    """An engine that also finds the nearest centroids."""

    def assigner(self, codebook: Codebook) -> Assign:
        """What to call in place of `Codebook.assign`; arguments, answers and errors are the same."""
        ...
