"""Graphs that point into the portable one for their weights."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from videobert_modeling.export.low_precision.shared_weights import sharing


def model(**tensors: np.ndarray) -> ModelProto:
    nodes = [helper.make_node("Identity", [name], [f"{name}.out"]) for name in tensors]
    outputs = [helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, [len(v)]) for name, v in tensors.items()]
    values = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    return helper.make_model(helper.make_graph(nodes, "g", [], outputs, values))


def places(content: bytes) -> dict[str, tuple[str, int, int]]:
    found = {}
    for tensor in ModelProto.FromString(content).graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            facts = {entry.key: entry.value for entry in tensor.external_data}
            found[tensor.name] = (facts["location"], int(facts["offset"]), int(facts["length"]))
    return found


def test_tensors_with_the_same_bytes_point_to_different_places() -> None:
    ones = np.ones(100, np.float32)
    whole = model(first=ones, second=ones)
    content = whole.SerializeToString()
    found = places(sharing(whole, "weights.onnx", content))
    assert set(found) == {"first", "second"}
    assert found["first"] != found["second"]
    for file, offset, length in found.values():
        assert (file, content[offset : offset + length]) == ("weights.onnx", ones.tobytes())


def test_what_the_other_file_has_otherwise_or_not_at_all_stays_inside() -> None:
    ones = np.ones(100, np.float32)
    other = model(changed=ones, kept=ones, small=ones[:8]).SerializeToString()
    ours = sharing(model(changed=2 * ones, kept=ones, small=ones[:8], new=ones), "weights.onnx", other)
    assert set(places(ours)) == {"kept"}
