"""Where the values of initialisers lie in a file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from videobert.base.errors import ModelError
from videobert_modeling.export.raw_data_places import raw_data_places


@pytest.fixture
def content() -> bytes:
    tensors = [
        numpy_helper.from_array(np.arange(1000, dtype=np.float32), "long"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "short"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "same"),
        helper.make_tensor("in fields", TensorProto.FLOAT, [2], [1.0, 2.0]),
    ]
    node = helper.make_node("Identity", ["long"], ["out"], name="long", weight=3.5, count=7)
    info = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1000])
    serialised: bytes = helper.make_model(helper.make_graph([node], "g", [], [info], tensors)).SerializeToString()
    return serialised


def test_each_place_holds_the_values_of_its_tensor(content: bytes) -> None:
    places = raw_data_places(content)
    assert set(places) == {"long", "short", "same"}
    for tensor in onnx.load_from_string(content).graph.initializer:
        if tensor.name in places:
            offset, length = places[tensor.name]
            assert content[offset : offset + length] == tensor.raw_data
    assert places["short"] != places["same"]


@pytest.mark.parametrize("length", [1, 10, 2000, -1])
def test_a_cut_file_is_refused(content: bytes, length: int) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        raw_data_places(content[:length])


@pytest.mark.parametrize("content", [b"\xff" * 20, b"\x0b", b"text that is no graph"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        raw_data_places(content)
