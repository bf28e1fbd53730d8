"""What a stage of a model takes and gives: told once, and read by everything that makes, runs, serves or checks one.

That is the ONNX export, the engines and their optimisation profiles, the repository of a Triton server, the checks
around every call, and the table in docs/model-folder.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, ModelError

# The name of a stage; which ones a model has is its family's to say, see `videobert.model.stage_lists`.
Stage = str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a tensor.

    Args:
        name: free axes of one name have one length in a call, and fixed ones of one name one size.
        size: its length where the configuration fixes it; None for a free axis.
        longest: of a free axis: the most that the model can take; None if nothing limits it.
        prepared: of a free axis along which padding would change the answer: the length that engines of fixed shapes
            are prepared for.
        sum_of: of an output's axis: the free axes that stand behind each other along it.
        often: of a free axis: the length that most calls have; what is made for a range of shapes has one for it.
        before: of a free axis: that whose places stand behind its real ones, `longest` of both together at most. None
            of its own need be real.
    """

    name: str
    size: int | None = None
    longest: int | None = None
    prepared: int | None = None
    sum_of: tuple[str, ...] = ()
    often: int | None = None
    before: str | None = None

    def length_with(self, lengths: Mapping[str, int]) -> int:
        """How long it is where free axes are as long as `lengths` says."""
        if self.size is not None:
            return self.size
        return sum(lengths[name] for name in self.sum_of) if self.sum_of else lengths[self.name]

    @property
    def is_free(self) -> bool:
        """Whether its length depends on the call."""
        return self.size is None


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output.

    Args:
        dtype: as numpy calls it: `"uint8"`, `"int64"` or `"float32"`.
        axes: in order; the batch is the first one where the tensor has one.
    """

    name: str
    dtype: str
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes, -1 where an axis is free."""
        return tuple(-1 if axis.size is None else axis.size for axis in self.axes)

    def shape_with(self, lengths: Mapping[str, int]) -> tuple[int, ...]:
        """The sizes with free axes as long as `lengths` says."""
        return tuple(axis.length_with(lengths) for axis in self.axes)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """A stage's signature, and what an engine has to know of it.

    Args:
        inputs, outputs: in order.
        batch: name of the axis along which items are independent of each other.
        one_at_a_time: the batch has length 1 in every call, so that no item's output can depend on its neighbours.
        keeps_fp32: cheap, and its numbers are what a reader sees: an engine that is free to choose arithmetic leaves it
            in float32.
        lengths: of a stage with attention, the input that says how many places of each item are real: its attention
            keeps to them. Such a stage has a second graph for engines that take a mask in place of lengths.
        attentions: how many layers of attention it has.
        of_text: a text passes through it, so that a model that has no codebook yet has it.
        scores_candidates: it scores every candidate for a place that is hidden, and the best one is an answer: what a
            graph in fewer bits is judged by.
        usual_batch, most_batch: an engine that is made for a range of shapes is tuned for the one, and takes as many
            items at a time as the other.
        gpu_only: only engines on a GPU have it.
    """

    name: Stage
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: str
    one_at_a_time: bool = False
    keeps_fp32: bool = False
    lengths: str | None = None
    attentions: int = 0
    of_text: bool = False
    scores_candidates: bool = False
    usual_batch: int = 1
    most_batch: int = 8
    gpu_only: bool = False

    @property
    def is_encoder(self) -> bool:
        """Whether all it does is to turn sequences into states, all places of one at once."""
        return self.attentions > 0 and len(self.outputs) == 1

    @property
    def free_axes(self) -> tuple[Axis, ...]:
        """The free axes of the inputs, each once and in order, the batch first."""
        axes = {axis.name: axis for tensor in self.inputs for axis in tensor.axes if axis.is_free}
        return tuple(sorted(axes.values(), key=lambda axis: axis.name != self.batch))

    @property
    def length_inputs(self) -> tuple[str, ...]:
        """The inputs that say for each item how many places are real: `lengths` along `length`, and so on."""
        names = {f"{axis.name}s" for axis in self.free_axes}
        return tuple(tensor.name for tensor in self.inputs if tensor.name in names)

    def lengths_of(self, inputs: Mapping[str, Any]) -> dict[str, int]:
        """How long the free axes are in a call.

        Args:
            inputs: arrays by name. One that is no numpy array lies on a device, and may lack the batch in front.

        Raises:
            InputError: a name, type or shape does not fit.
        """
        wanted = {tensor.name for tensor in self.inputs}
        if inputs.keys() != wanted:
            raise InputError(f"the {self.name} takes other inputs", seen=sorted(inputs), allowed=sorted(wanted))
        lengths: dict[str, int] = {}
        for tensor in self.inputs:
            value = inputs[tensor.name]
            on_host = isinstance(value, np.ndarray)
            shape = tuple(value.shape)
            if not on_host and len(shape) == len(tensor.axes) - 1:
                shape = (1, *shape)
            fits = len(shape) == len(tensor.axes) and all(
                size == (lengths.setdefault(axis.name, size) if axis.size is None else axis.size)
                for axis, size in zip(tensor.axes, shape, strict=True)
            )
            if not fits or (on_host and value.dtype != tensor.dtype):
                raise InputError(
                    f"the input {tensor.name} of the {self.name} does not fit",
                    seen=f"{value.dtype} {shape}" if on_host else shape,
                    allowed=f"{tensor.dtype} {described(tensor.axes)}",
                )
        return lengths

    def check_output(self, output: npt.NDArray[Any], lengths: Mapping[str, int]) -> None:
        """Whether an engine gave what the stage's one output is; its graph is no more trusted than the whole folder.

        Args:
            lengths: see `lengths_of`.

        Raises:
            ModelError: type or shape does not fit.
        """
        (wanted,) = self.outputs
        self._check(wanted, output, lengths, "an output")

    def check_outputs(self, outputs: Mapping[str, npt.NDArray[Any]], lengths: Mapping[str, int]) -> None:
        """The same of a stage with any number of outputs.

        Args:
            outputs: by name.
            lengths: see `lengths_of`.

        Raises:
            ModelError: a name, type or shape does not fit.
        """
        names = [tensor.name for tensor in self.outputs]
        if sorted(outputs) != sorted(names):
            raise self.lacks_outputs(outputs)
        for wanted in self.outputs:
            self._check(wanted, outputs[wanted.name], lengths, f"an output {wanted.name}")

    def lacks_outputs(self, names: Iterable[str]) -> ModelError:
        """The error about a graph whose outputs have other names."""
        return ModelError(
            f"the {self.name} does not fit config.json",
            seen=f"the outputs {', '.join(sorted(names)) or 'none'}",
            allowed=", ".join(tensor.name for tensor in self.outputs),
            fix="Export the model folder again with `videobert build`.",
        )

    def _check(self, wanted: TensorSpec, output: npt.NDArray[Any], lengths: Mapping[str, int], what: str) -> None:
        shape = wanted.shape_with(lengths)
        if output.shape != shape or output.dtype != wanted.dtype:
            kind = "" if output.dtype == wanted.dtype else f"{output.dtype} "
            raise ModelError(
                f"the {self.name} does not fit config.json",
                seen=f"{what} of {kind}shape {output.shape}",
                allowed=f"{wanted.dtype} {shape}" if kind else shape,
                fix="Export the model folder again with `videobert build`.",
            )


def described(axes: Iterable[Axis]) -> str:
    """`"(batch, 30, 112, 112, 3)"`: the names of free axes, the sizes of fixed ones."""
    return f"({', '.join(axis.name if axis.size is None else str(axis.size) for axis in axes)})"
