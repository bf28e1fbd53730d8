"""Matrix products on int8 or fp8 values: quantise and dequantise nodes around them, which engines fuse.

Weights stay fp16 in the file, shared with the portable graph; the nodes that quantise them are folded when an engine
is built. int8 weights have a scale for each output, everything else one scale. Convolutions are left in fp16:
TensorRT-RTX 1.7.1 has no 3-D convolution on int8 or fp8, and dequantises around each one into a plan five times the
size.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Quantised = Literal["int8", "fp8"]

_TYPE = {"int8": TensorProto.INT8, "fp8": TensorProto.FLOAT8E4M3FN}
_LARGEST = {"int8": 127.0, "fp8": 448.0}
_LEAST_SCALE = 2.0**-14  # smallest normal fp16 number
_PRODUCTS = ("MatMul", "Gemm")
_ZERO = "zero_point"


def activations_of(model: ModelProto, keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The values that enter a product with a weight, in order: those whose ranges `quantised` needs."""
    weights = {tensor.name for tensor in model.graph.initializer}
    entering = [node.input[0] for node in model.graph.node if _is_quantised(node, weights, keep)]
    return tuple(dict.fromkeys(entering))


def quantised(
    model: ModelProto, kind: Quantised, ranges: dict[str, float] | None, keep: frozenset[str] = frozenset()
) -> ModelProto:
    """The graph with quantised products.

    Args:
        model: an fp16 graph, see `lowered`.
        ranges: largest magnitude of each of `activations_of(model, keep)`; None quantises weights only.
        keep: names of products that stay as they are.
    """
    out = ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    graph.initializer.append(helper.make_tensor(_ZERO, _TYPE[kind], [], [0]))
    nodes: list[NodeProto] = []
    done: dict[str, str] = {}

    def pair(name: str, zero: str, axis: int | None) -> str:
        """Append both nodes for a value whose scale is among the initialisers."""
        attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
        inputs = [f"{name}.scale", zero]
        nodes.append(helper.make_node("QuantizeLinear", [name, *inputs], [f"{name}.quantised"], **attributes))
        nodes.append(
            helper.make_node("DequantizeLinear", [f"{name}.quantised", *inputs], [f"{name}.back"], **attributes)
        )
        return f"{name}.back"

    for original in model.graph.node:
        node = NodeProto()
        node.CopyFrom(original)
        if _is_quantised(node, weights, keep):
            value, weight = node.input[0], node.input[1]
            if ranges is not None:
                if value not in done:
                    graph.initializer.append(_scale(f"{value}.scale", np.array(ranges[value], np.float32), kind))
                    done[value] = pair(value, _ZERO, None)
                node.input[0] = done[value]
            if weight not in done:
                array = np.abs(numpy_helper.to_array(weights[weight]).astype(np.float32))
                # Outputs are the columns of a MatMul's weight and the rows of a Gemm's, which is stored transposed.
                axis = 1 if node.op_type == "MatMul" else 0
                if kind == "fp8":
                    graph.initializer.append(_scale(f"{weight}.scale", array.max(), kind))
                    done[weight] = pair(weight, _ZERO, None)
                else:
                    graph.initializer.append(_scale(f"{weight}.scale", array.max(axis=1 - axis), kind))
                    zeros = [0] * array.shape[axis]
                    graph.initializer.append(helper.make_tensor(f"{weight}.zero", _TYPE[kind], [len(zeros)], zeros))
                    done[weight] = pair(weight, f"{weight}.zero", axis)
            node.input[1] = done[weight]
        nodes.append(node)
    copied = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copied)
    onnx.checker.check_model(out, full_check=True)
    return out


def _is_quantised(node: NodeProto, weights: Container[str], keep: frozenset[str]) -> bool:
    return node.op_type in _PRODUCTS and node.input[1] in weights and node.name not in keep


def _scale(name: str, largest: npt.NDArray[np.float32], kind: Quantised) -> TensorProto:
    scale = np.maximum(largest.astype(np.float64) / _LARGEST[kind], _LEAST_SCALE)
    return numpy_helper.from_array(scale.astype(np.float16), name)
