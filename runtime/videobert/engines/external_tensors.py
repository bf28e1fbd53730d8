"""Which other files an ONNX graph takes values from: none, or the one file of weights that it may have.

A tensor can name a file, and libraries open what it names: beside the graph, or, for a graph that they are given as
bytes, below the folder that the process happens to stand in. So every graph is walked before a library sees it, by the
rules of protobuf's wire format and without any library: through all places where a tensor may stand.
"""

from __future__ import annotations

from collections.abc import Collection

from videobert.base.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_ENTRY, _KEY, _VALUE = "StringStringEntryProto", 1, 2
# Fields that lead to the file of a tensor, by message; all others are passed over.
LEADING = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        **{5: "TensorProto", 6: "GraphProto", 10: "TensorProto", 11: "GraphProto"},
        **{22: "SparseTensorProto", 23: "SparseTensorProto"},
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {13: _ENTRY},
    _ENTRY: {},
}
# A base-size encoder has some 20,000; more than this is made to keep a reader busy.
_MOST_FIELDS = 1 << 22


def check_external(content: bytes, name: str, allowed: Collection[str] = ()) -> None:
    """Whether a graph names no other files than it may.

    Args:
        content: of the ONNX file.
        name: of the file, for the error.
        allowed: names of files beside it.

    Raises:
        ModelError: it names another file, or is not an ONNX graph.
    """
    try:
        named = external_files(content)
    except ValueError as error:
        raise ModelError(
            f"{name} cannot be compiled: it is not an ONNX graph",
            seen=str(error),
            fix="Export the folder again with `videobert build`.",
        ) from error
    beyond = sorted(named - set(allowed))
    if beyond:
        raise ModelError(
            f"{name} takes values from another file than a graph of a model folder may",
            seen=beyond[0],
            allowed=", ".join(allowed) or "none: its weights are inside",
            fix="Do not use this folder, or export it again with `videobert build`.",
        )


def external_files(content: bytes) -> set[str]:
    """The names of all files that tensors of an ONNX model take their values from.

    Each byte is looked at once. Where protobuf would merge what stands twice, all of it counts.

    Raises:
        ValueError: this is not an ONNX model, or it is cut or far too large.
    """
    named: set[bytes] = set()
    graphs = fields = 0
    open_messages = [("ModelProto", 0, len(content))]
    while open_messages:
        message, place, end = open_messages.pop()
        leading = LEADING[message]
        keys: set[bytes] = set()
        values: set[bytes] = set()
        graphs += message == "GraphProto"
        while place < end:
            fields += 1
            tag, place = _varint(content, place, end)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 1 << 29 or fields > _MOST_FIELDS:
                raise ValueError(f"field {number}, the {fields}th, at byte {place}")
            if wire == _BYTES:
                size, start = _varint(content, place, end)
                place = start + size
                if number in leading:
                    open_messages.append((leading[number], start, place))
                elif message == _ENTRY and number == _KEY:
                    keys.add(content[start:place])
                elif message == _ENTRY and number == _VALUE:
                    values.add(content[start:place])
            elif wire == _VARINT:
                _, place = _varint(content, place, end)
            elif wire == _FIXED32:
                place += 4
            elif wire == _FIXED64:
                place += 8
            else:
                # Groups: no writer makes them, and readers differ on what is in them.
                raise ValueError(f"wire type {wire} at byte {place}")
        if place != end:
            raise ValueError(f"a field ends at byte {place}, what holds it at {end}")
        if b"location" in keys:
            named |= values or {b""}
    if not graphs:
        raise ValueError("no graph in it")
    return {name.decode("utf-8", "backslashreplace") for name in named}


def _varint(content: bytes, place: int, end: int) -> tuple[int, int]:
    """A number and the place behind it."""
    value = shift = 0
    while place < end and shift < 64:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError(f"a number is cut or too long at byte {place}")
