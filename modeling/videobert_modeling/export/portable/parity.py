"""Does an exported graph compute what the module computes?

The rule: against the module in float64, the graph's root mean square error is at most twice that of the module in the
graph's own precision (float32 for the portable graphs), plus one rounding unit of the values in that precision, or of
`Graph.rounded_at` where that is larger.

torch sums the products of a float32 linear layer in blocks. OpenVINO sums up to 1,024 of them one after another, which
rounds twice as much at that width and is as right. So a float32 graph that fails is compared again, by the same rule,
with the module summing in that order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from videobert.base.errors import VideoBertError
from videobert.base.openvino_core import openvino_core
from videobert_modeling.export.portable.graphs import Graph, Inputs
from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

Run = Callable[[dict[str, npt.NDArray[np.generic]]], npt.NDArray[np.float32]]
RunAll = Callable[[dict[str, npt.NDArray[np.generic]]], Sequence[npt.NDArray[np.float32]]]
Outputs = tuple[Tensor, ...]
_UNIT = float(torch.finfo(torch.float32).eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Root mean square errors over all trials of a graph, against float64.

    Args:
        error: of the exported graph.
        reference_error: of torch in the graph's precision; see this module on the order of its sums.
        scale: at which the values are rounded: their root mean square, or `Graph.rounded_at`.
        unit: rounding unit of the precision.
    """

    error: float
    reference_error: float
    scale: float
    unit: float = _UNIT

    @property
    def allowed(self) -> float:
        """The largest error that meets the rule of this module."""
        return 2 * self.reference_error + self.unit * self.scale

    @property
    def share(self) -> float:
        """How much of the allowed error there is; of a network that gives nothing but zeros, none is allowed."""
        return self.error / self.allowed if self.allowed else self.error

    @property
    def holds(self) -> bool:
        """Whether the rule of this module is met; NaN never meets it."""
        return self.error <= self.allowed


class Reference:
    """What a graph should give: its trials through the module in float64 and in the graph's own precision."""

    def __init__(self, graph: Graph, dtype: torch.dtype = torch.float32) -> None:
        self._graph = graph
        self._dtype = dtype
        self._exact = _run_torch(graph, torch.float64)
        self._plain = _run_torch(graph, dtype)

    def compare(self, run: Run | RunAll) -> Parity:
        """Errors of another way to run the graph; of several outputs those of the one that is nearest to failing."""
        trials = self._graph.trials
        ours = [_tensors(run({k: v.numpy() for k, v in inputs.items()})) for inputs in trials]
        parity = self._parity(ours, self._plain)
        if parity.holds or self._dtype != torch.float32:
            return parity
        with _SumsInOrder():
            return self._parity(ours, _run_torch(self._graph, torch.float32))

    def _parity(self, ours: list[Outputs], plain: list[Outputs]) -> Parity:
        outputs = range(len(self._graph.outputs))
        found = [
            Parity(
                error=self._error(ours, place),
                reference_error=self._error(plain, place),
                scale=max(_rms(self._parts([one[place] for one in self._exact])), self._graph.rounded_at),
                unit=float(torch.finfo(self._dtype).eps),
            )
            for place in outputs
        ]
        return next((one for one in found if not one.holds), max(found, key=lambda one: one.share))

    def check(self, runner: str, run: Run | RunAll) -> Parity:
        """Like `compare`.

        Raises:
            VideoBertError: the rule of this module is not met.
        """
        parity = self.compare(run)
        if not parity.holds:
            raise VideoBertError(
                f"graphs/{self._graph.name}.onnx does not give the model's values in {runner}",
                seen=f"root mean square error {parity.error:.3g}",
                allowed=f"twice that of torch, {parity.reference_error:.3g}",
                fix="Please report this with the versions of torch and of the runner.",
            )
        return parity

    def _error(self, outputs: list[Outputs], place: int) -> float:
        if any(len(one) != len(self._graph.outputs) for one in outputs):
            return float("nan")
        pairs = [(ours[place], exact[place]) for ours, exact in zip(outputs, self._exact, strict=True)]
        if any(ours.shape != exact.shape for ours, exact in pairs):
            return float("nan")
        return _rms(self._parts([ours.double() - exact for ours, exact in pairs]))

    def _parts(self, values: list[Tensor]) -> list[Tensor]:
        """Of one output of every trial what has a meaning."""
        return [self._graph.part(inputs, value) for inputs, value in zip(self._graph.trials, values, strict=True)]


class _RoundedOnce(TorchFunctionMode):
    """While it lasts, convolutions and pools of float16 values are summed in float32 and rounded once.

    So do GPUs. torch on a CPU takes minutes for a convolution over time in float16, and has no such pool.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func not in _SLOW_IN_HALF or args[0].dtype != torch.float16:
            return func(*args, **(kwargs or {}))
        wide = [value.float() if isinstance(value, Tensor) else value for value in args]
        return func(*wide, **(kwargs or {})).half()


_SLOW_IN_HALF = (functional.conv2d, functional.conv3d, functional.avg_pool3d)


class _SumsInOrder(TorchFunctionMode):
    """While it lasts, linear layers add the products of a sum one after another."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (_linear_in_order if func is functional.linear else func)(*args, **(kwargs or {}))


def _linear_in_order(values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    total = values.new_zeros(*values.shape[:-1], len(weight))
    for value, column in zip(values.unbind(-1), weight.T.contiguous(), strict=True):
        total += value[..., None] * column
    return total if bias is None else total + bias


def onnxruntime_outputs(file: bytes | Path) -> RunAll:
    """Runs an ONNX file with onnxruntime on the CPU; a path where its weights lie in another file beside it."""
    content = str(file) if isinstance(file, Path) else file
    session = onnxruntime_library().InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(inputs: dict[str, npt.NDArray[np.generic]]) -> Sequence[npt.NDArray[np.float32]]:
        outputs: Sequence[npt.NDArray[np.float32]] = session.run(None, inputs)
        return outputs

    return run


def openvino_outputs(content: bytes) -> RunAll:
    """Runs an ONNX file with OpenVINO on the CPU in float32."""
    core = openvino_core()
    compiled = core.compile_model(core.read_model(content, b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(inputs: dict[str, npt.NDArray[np.generic]]) -> Sequence[npt.NDArray[np.float32]]:
        found = compiled(inputs)
        return [found[place] for place in range(len(compiled.outputs))]

    return run


def onnxruntime_runner(file: bytes | Path) -> Run:
    """The same of a file with one output."""
    return _first(onnxruntime_outputs(file))


def openvino_runner(content: bytes) -> Run:
    """The same of a file with one output."""
    return _first(openvino_outputs(content))


def _first(run: RunAll) -> Run:
    return lambda inputs: run(inputs)[0]


def _tensors(given: npt.NDArray[np.float32] | Sequence[npt.NDArray[np.float32]]) -> Outputs:
    outputs = (given,) if isinstance(given, np.ndarray) else given
    return tuple(torch.from_numpy(np.array(output)) for output in outputs)


def _run_torch(graph: Graph, dtype: torch.dtype) -> list[Outputs]:
    module = graph.module if dtype == torch.float32 else copy.deepcopy(graph.module).to(dtype)

    def outputs(inputs: Inputs) -> Outputs:
        given = module(*(value.to(dtype) if value.is_floating_point() else value for value in inputs.values()))
        return (given,) if isinstance(given, Tensor) else tuple(given)

    with torch.inference_mode(), _RoundedOnce():
        return [outputs(inputs) for inputs in graph.trials]


def _rms(values: list[Tensor]) -> float:
    flat = torch.cat([value.double().flatten() for value in values])
    return float(flat.square().mean().sqrt())
