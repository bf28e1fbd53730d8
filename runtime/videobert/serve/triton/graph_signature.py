"""What a graph takes and gives, read from its ONNX file without running it."""

from __future__ import annotations

from dataclasses import dataclass

from videobert.base.errors import ModelError
from videobert.base.openvino_core import openvino_core
from videobert.engines.external_tensors import check_external
from videobert.model.stage import StageSpec

_TYPES = {"u8": "uint8", "i32": "int32", "i64": "int64", "f16": "float16", "f32": "float32"}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph; `dims` with the batch in front, -1 where a size may vary."""

    name: str
    dtype: str
    dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """All inputs and outputs of a graph, in order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def signature_of(content: bytes, name: str) -> Signature:
    """The signature of an ONNX file that has its weights inside.

    Args:
        name: of the file, for errors.

    Raises:
        ModelError: it cannot be read, names other files, or has a type that no graph of a model folder has.
    """
    check_external(content, name)
    try:
        model = openvino_core().read_model(content)
        return Signature(tuple(map(_port, model.inputs)), tuple(map(_port, model.outputs)))
    except (RuntimeError, KeyError) as error:
        raise ModelError(
            f"{name} cannot be read as a graph", seen=str(error), fix="Export the folder with `videobert build`."
        ) from error


def check_signature(content: bytes, spec: StageSpec) -> None:
    """Whether an ONNX file takes and gives what its stage does.

    Raises:
        ModelError: it does not, or see `signature_of`.
    """
    name = f"{spec.name}.onnx"
    found = signature_of(content, name)
    for group, ports, tensors in (("inputs", found.inputs, spec.inputs), ("outputs", found.outputs, spec.outputs)):
        wanted = tuple(Port(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors)
        if len(ports) != len(wanted) or not all(map(_is, ports, wanted)):
            raise ModelError(
                f"{name} has other {group} than config.json says",
                seen=", ".join(map(_described, ports)),
                allowed=", ".join(map(_described, wanted)),
                fix="Export the folder again with `videobert build`.",
            )


def _is(port: Port, wanted: Port) -> bool:
    """A size that the reader of the file could not work out may be any."""
    sizes = len(port.dims) == len(wanted.dims) and all(
        found in (-1, size) for found, size in zip(port.dims, wanted.dims, strict=True)
    )
    return (port.name, port.dtype) == (wanted.name, wanted.dtype) and sizes


def _described(port: Port) -> str:
    return f"{port.name} {port.dtype} {list(port.dims)}"


def _port(port: object) -> Port:
    shape = port.get_partial_shape()  # type: ignore[attr-defined]
    dims = tuple(-1 if dim.is_dynamic else int(dim.get_length()) for dim in shape)
    name = port.get_any_name()  # type: ignore[attr-defined]
    return Port(name, _TYPES[port.get_element_type().get_type_name()], dims)  # type: ignore[attr-defined]
