"""Graphs without weights of their own: they point into the portable graph's file, which holds the same bytes."""

from __future__ import annotations

from onnx import ModelProto, TensorProto

from videobert_modeling.export.raw_data_places import raw_data_places

# A shorter tensor is as small as the entry that would point to it.
_LEAST_BYTES = 128


def sharing(model: ModelProto, file_name: str, content: bytes) -> bytes:
    """The graph as a file whose weights are ranges of another one in the same folder.

    A tensor is looked for by its name: where two have the same bytes, which of them is pointed to does not depend on
    the values.

    Args:
        model: has its weights inside.
        file_name: the other file's name, without folders.
        content: of the other file.
    """
    out = ModelProto()
    out.CopyFrom(model)
    places = raw_data_places(content)
    for tensor in out.graph.initializer:
        raw = tensor.raw_data
        offset, length = places.get(tensor.name, (0, 0))
        if len(raw) < _LEAST_BYTES or content[offset : offset + length] != raw:
            continue
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", file_name), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
    serialised: bytes = out.SerializeToString(deterministic=True)
    return serialised
