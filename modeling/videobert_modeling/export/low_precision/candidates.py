"""Graphs that answer on the device: a head's best candidates, and the nearest centroids of features."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from videobert_modeling.export.portable.onnx_file import OPSET

CANDIDATES = 8


def with_top(head: ModelProto) -> ModelProto:
    """A text or visual head that ends in its best candidates instead of its logits.

    Outputs: `scores` float32 `(count, k)`, log-probabilities over the head's part of the vocabulary, largest first;
    `ids` int64 `(count, k)`, positions in that part. `k` is `CANDIDATES`, or the size of the part if that is smaller.
    """
    out = ModelProto()
    out.CopyFrom(head)
    graph = out.graph
    size = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    count = min(CANDIDATES, size)
    graph.initializer.append(numpy_helper.from_array(np.array([count], np.int64), "candidates"))
    graph.node.append(helper.make_node("LogSoftmax", ["logits"], ["log_probabilities"], axis=-1))
    graph.node.append(helper.make_node("TopK", ["log_probabilities", "candidates"], ["scores", "ids"], axis=-1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["count", count]))
    graph.output.append(helper.make_tensor_value_info("ids", TensorProto.INT64, ["count", count]))
    onnx.checker.check_model(out, full_check=True)
    return out


def nearest_graph(leaves: int, width: int, *, half: bool) -> ModelProto:
    """Nearest centroids by `|c|^2 - 2 f c`, in standard operators.

    Inputs: `features` float32 `(batch, width)`; `centroids` float32 `(leaves, width)` and `squares`, their squared
    lengths, float32 `(leaves)`: the codebook stays outside, so that one copy on the device serves everything.
    Outputs: `scores` float32 `(batch, k)`, squared distance less the square of the feature, smallest first; `ids` int64
    `(batch, k)`. More than one candidate, so that the caller can decide near ties exactly, as it does on the CPU.

    Args:
        half: the product in fp16, for GPUs without float32 matrix products.
    """
    count = min(CANDIDATES, leaves)
    low = TensorProto.FLOAT16
    product = [
        helper.make_node("Transpose", ["centroids"], ["columns"], perm=[1, 0]),
        helper.make_node("MatMul", ["features", "columns"], ["products"]),
    ]
    if half:
        product = [
            helper.make_node("Cast", ["centroids"], ["centroids.low"], to=low),
            helper.make_node("Transpose", ["centroids.low"], ["columns"], perm=[1, 0]),
            helper.make_node("Cast", ["features"], ["features.low"], to=low),
            helper.make_node("MatMul", ["features.low", "columns"], ["products.low"]),
            helper.make_node("Cast", ["products.low"], ["products"], to=TensorProto.FLOAT),
        ]
    nodes = [
        *product,
        helper.make_node("Mul", ["products", "two"], ["doubled"]),
        helper.make_node("Sub", ["squares", "doubled"], ["distances"]),
        helper.make_node("TopK", ["distances", "candidates"], ["scores", "ids"], axis=-1, largest=0),
    ]
    graph = helper.make_graph(
        nodes,
        "videobert",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", width]),
            helper.make_tensor_value_info("centroids", TensorProto.FLOAT, [leaves, width]),
            helper.make_tensor_value_info("squares", TensorProto.FLOAT, [leaves]),
        ],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", count]),
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", count]),
        ],
        [
            numpy_helper.from_array(np.array(2, np.float32), "two"),
            numpy_helper.from_array(np.array([count], np.int64), "candidates"),
        ],
    )
    model = helper.make_model(
        graph, producer_name="videobert", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=11
    )
    onnx.checker.check_model(model, full_check=True)
    return model
