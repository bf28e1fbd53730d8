"""The graph that finds the nearest centroids of features on a device."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from videobert.model.stage import StageSpec
from videobert_modeling.export.portable.onnx_file import OPSET
from videobert_modeling.export.value_info import value_info


def nearest_graph(spec: StageSpec, *, half: bool) -> ModelProto:
    """Nearest centroids by `|c|^2 - 2 f c`, in standard operators; smallest first.

    More than one candidate, so that the caller can decide near ties exactly, as it does on the CPU.

    Args:
        spec: see `videobert.model.stage_lists.nearest`.
        half: the product in fp16, for GPUs without float32 matrix products.
    """
    count = spec.outputs[0].shape[1]
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
        [value_info(tensor) for tensor in spec.inputs],
        [value_info(tensor) for tensor in spec.outputs],
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
