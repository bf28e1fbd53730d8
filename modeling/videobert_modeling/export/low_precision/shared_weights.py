"""Graphs without weights of their own: they point into the portable graph's file, which holds the same bytes."""

from __future__ import annotations

from onnx import ModelProto, TensorProto

# A shorter tensor is as small as the entry that would point to it.
_LEAST_BYTES = 128


def sharing(model: ModelProto, file_name: str, content: bytes) -> bytes:
    """The graph as a file whose weights are ranges of another one in the same folder.

    Args:
        model: has its weights inside.
        file_name: the other file's name, without folders.
        content: of the other file.
    """
    out = ModelProto()
    out.CopyFrom(model)
    for tensor in out.graph.initializer:
        raw = tensor.raw_data
        offset = content.find(raw) if len(raw) >= _LEAST_BYTES else -1
        if offset < 0:
            continue
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", file_name), ("offset", str(offset)), ("length", str(len(raw)))):
            tensor.external_data.add(key=key, value=value)
    serialised: bytes = out.SerializeToString(deterministic=True)
    return serialised
