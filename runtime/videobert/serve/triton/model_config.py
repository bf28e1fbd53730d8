"""`config.pbtxt` of a served model: the fields of Triton's ModelConfig that are used here, written as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

# Triton's names of the types that graphs and pipelines have here.
DATA_TYPES: Final = {
    "uint8": "TYPE_UINT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "float32": "TYPE_FP32",
}


class Word(str):
    """An enumeration value: written without quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTensor:
    """An input or output, without the batch.

    Args:
        dtype: a key of `DATA_TYPES`.
        dims: -1 where a size may vary. Triton wants at least one; a scalar for each item is `(1,)` with `scalar`.
        ragged: items of a batch may differ in size.
        scalar: the graph itself has no axis but the batch.
    """

    name: str
    dtype: str
    dims: tuple[int, ...]
    ragged: bool = False
    scalar: bool = False

    def fields(self) -> dict[str, object]:
        """Of ModelInput or ModelOutput."""
        fields: dict[str, object] = {
            "name": self.name,
            "data_type": Word(DATA_TYPES[self.dtype]),
            "dims": list(self.dims),
        }
        if self.scalar:
            fields["reshape"] = {"shape": []}
        if self.ragged:
            fields["allow_ragged_batch"] = True
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One model of an ensemble: its tensor names to the ensemble's."""

    model: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """One folder of the repository.

    Args:
        name: of the folder and the model.
        backend: `"dali"`, `"onnxruntime"` or `"tensorrt"`; empty for an ensemble.
        most: largest batch; the server forms batches up to it from requests that wait.
        files: content of the version folder by name.
        steps: of an ensemble, in order.
        parameters: of the backend.
        profiles: numbers of the optimisation profiles of a plan; empty elsewhere.
    """

    name: str
    backend: str
    most: int
    inputs: tuple[ServedTensor, ...]
    outputs: tuple[ServedTensor, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    profiles: tuple[int, ...] = ()

    def to_text(self) -> str:
        """The content of `config.pbtxt`."""
        fields: dict[str, object] = {"name": self.name}
        if self.steps:
            fields["platform"] = "ensemble"
        else:
            fields["backend"] = self.backend
        fields["max_batch_size"] = self.most
        fields["input"] = [tensor.fields() for tensor in self.inputs]
        fields["output"] = [_as_output(tensor) for tensor in self.outputs]
        if self.steps:
            steps = [
                {
                    "model_name": step.model,
                    "model_version": -1,
                    "input_map": _entries(step.inputs),
                    "output_map": _entries(step.outputs),
                }
                for step in self.steps
            ]
            fields["ensemble_scheduling"] = {"step": steps}
        else:
            fields["dynamic_batching"] = {}
        if self.profiles:
            fields["instance_group"] = [
                {"count": 1, "kind": Word("KIND_GPU"), "profile": [str(number) for number in self.profiles]}
            ]
        if self.parameters:
            fields["parameters"] = [
                {"key": key, "value": {"string_value": value}} for key, value in self.parameters.items()
            ]
        return "".join(_lines(fields, ""))


def _as_output(tensor: ServedTensor) -> dict[str, object]:
    fields = tensor.fields()
    fields.pop("allow_ragged_batch", None)
    return fields


def _entries(mapping: Mapping[str, str]) -> list[object]:
    return [{"key": key, "value": value} for key, value in mapping.items()]


def _lines(fields: Mapping[str, object], indent: str) -> Sequence[str]:
    """Protobuf text format: a list of messages or texts is the field repeated, a list of numbers stands in brackets."""
    lines: list[str] = []
    for name, value in fields.items():
        if isinstance(value, list) and all(isinstance(each, int) for each in value):
            lines.append(f"{indent}{name}: {value}\n")
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                lines += [f"{indent}{name} {{\n", *_lines(each, indent + "  "), f"{indent}}}\n"]
            else:
                lines.append(f"{indent}{name}: {_scalar(each)}\n")
    return lines


def _scalar(value: object) -> str:
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
