"""Attention with an additive mask in place of lengths, for engines whose attention takes no lengths (TensorRT 10)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, helper, numpy_helper

OPSET = 23
_LENGTHS = 6  # position of `nonpad_kv_seqlen` among the inputs of `Attention`
_MASK = 3
# Added to the scores of keys past a length: finite in fp16, and its exponential is zero in every type.
_FAR = -3e4


def masked(model: ModelProto) -> ModelProto:
    """A portable encoder graph in opset 23; the inputs are the same, and the mask is made of `lengths` inside.

    The mask is `(batch, 1, length, length)`: onnxruntime refuses one that is broadcast over queries.
    """
    out = ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    constants: dict[str, npt.NDArray[Any]] = {
        "mask.zero": np.array(0, np.int64),
        "mask.one": np.array(1, np.int64),
        "mask.ones": np.array([1], np.int64),
        "mask.queries": np.array([1, 2], np.int64),
        "mask.near": np.array(0, np.float32),
        "mask.far": np.array(_FAR, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    # Ids or features, `(batch, length, …)`.
    nodes = _mask_nodes(graph.input[0].name)
    for node in graph.node:
        if node.op_type == "Attention":
            node.input[_MASK] = "mask"
            del node.input[_LENGTHS:]
            while not node.input[-1]:
                node.input.pop()
        nodes.append(node)
    copied = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copied)
    del out.opset_import[:]
    out.opset_import.append(helper.make_opsetid("", OPSET))
    onnx.checker.check_model(out, full_check=True)
    return out


def _mask_nodes(sequences: str) -> list[NodeProto]:
    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, inputs, [output], name=output, **attributes)

    return [
        node("Shape", [sequences], "mask.batch", start=0, end=1),
        node("Shape", [sequences], "mask.length", start=1, end=2),
        node("Squeeze", ["mask.length"], "mask.length_scalar"),
        node("Range", ["mask.zero", "mask.length_scalar", "mask.one"], "mask.positions"),
        node("Unsqueeze", ["lengths", "mask.ones"], "mask.lengths"),
        node("Less", ["mask.positions", "mask.lengths"], "mask.keep"),
        node("Where", ["mask.keep", "mask.near", "mask.far"], "mask.keys"),
        node("Unsqueeze", ["mask.keys", "mask.queries"], "mask.row"),
        node("Concat", ["mask.batch", "mask.ones", "mask.length", "mask.length"], "mask.shape", axis=0),
        node("Expand", ["mask.row", "mask.shape"], "mask"),
    ]
