"""What a DALI pipeline takes and gives, read from its serialised form without DALI and without running it.

A serialised pipeline is a protobuf message, `PipelineDef` of DALI's dali.proto; only the fields that are read here are
described. Fields that are not described are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from videobert.base.errors import EngineUnavailable, ModelError
from videobert.serve.triton.graph_signature import Port, Signature
from videobert.serve.triton.requirement import INSTALL

_SOURCE: Final = "ExternalSource"
# DALI's numbers of the types that graphs and pipelines have here.
_TYPES: Final = {0: "uint8", 6: "int32", 7: "int64", 8: "float16", 9: "float32"}
_MOST_BYTES: Final = 1 << 26
# Type, label and number of each field, by message.
_FIELDS: Final = {
    "Argument": {"name": ("string", 1), "ints": ("*int64", 4)},
    "InputOutput": {"name": ("string", 1), "dtype": ("int64", 5), "ndim": ("int64", 6)},
    "OpDef": {"name": ("string", 1), "args": ("*Argument", 4), "output": ("*InputOutput", 3)},
    "PipelineDef": {"op": ("*OpDef", 5), "pipe_outputs": ("*InputOutput", 7)},
}


def signature_of_pipeline(content: bytes, name: str) -> Signature:
    """The signature of a serialised pipeline. DALI knows how many axes a tensor has, not how long they are: every
    dimension is -1, the batch in front too.

    Args:
        name: of the file, for errors.

    Raises:
        ModelError: it cannot be read, or does not say the type or the axes of an input or output.
        EngineUnavailable: protobuf is not installed.
    """
    pipeline = _parsed(content, name)
    inputs = [_source(operator, name) for operator in pipeline.op if operator.name == _SOURCE]
    outputs = [_port(each.name, [each.dtype], [each.ndim], name) for each in pipeline.pipe_outputs]
    if not inputs or not outputs:
        raise _damaged(name, "no input" if not inputs else "no output")
    return Signature(tuple(inputs), tuple(outputs))


def _parsed(content: bytes, name: str) -> Any:
    message, failures = _message_type()
    if len(content) > _MOST_BYTES:
        raise _damaged(name, f"more than {_MOST_BYTES} bytes")
    try:
        return message.FromString(content)
    except failures as error:
        raise _damaged(name, str(error)) from error


def _source(operator: Any, name: str) -> Port:
    arguments = {argument.name: argument.ints for argument in operator.args}
    called = operator.output[0].name if operator.output else ""
    return _port(called, arguments.get("dtype", ()), arguments.get("ndim", ()), name)


def _port(called: str, dtype: Iterable[int], ndim: Iterable[int], name: str) -> Port:
    types, axes = list(dtype), list(ndim)
    if not called or len(types) != 1 or types[0] not in _TYPES or len(axes) != 1 or not 0 <= axes[0] < 16:
        raise _damaged(name, f"{called or 'a tensor without a name'} has type {types} and {axes} axes")
    return Port(called, _TYPES[types[0]], (-1,) * (1 + axes[0]))


def _damaged(name: str, seen: str) -> ModelError:
    return ModelError(
        f"{name} cannot be read as a serialised DALI pipeline",
        seen=seen,
        fix="Write the repository again with `videobert build --target triton-server`.",
    )


@cache
def _message_type() -> tuple[Any, Any]:
    """The class of `PipelineDef`, and what reading one raises."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
    except ImportError as error:
        raise EngineUnavailable(
            "a serialised DALI pipeline cannot be read here", seen=str(error), fix=f"Run `{INSTALL}`."
        ) from error
    file = descriptor_pb2.FileDescriptorProto(name="videobert_dali.proto", package="videobert_dali", syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {"string": kinds.TYPE_STRING, "int64": kinds.TYPE_INT64}
    for owner, fields in _FIELDS.items():
        described = file.message_type.add(name=owner)
        for field, (kind, number) in fields.items():
            label = kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL
            kind = kind.lstrip("*")
            added = described.field.add(name=field, number=number, label=label)
            if kind in scalars:
                added.type = scalars[kind]
            else:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{file.package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName(f"{file.package}.PipelineDef")
    return message_factory.GetMessageClass(descriptor), (message.DecodeError, ValueError)
