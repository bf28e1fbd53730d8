"""Tokenisation as a graph that carries its codebook, for servers that run graphs and nothing else."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from videobert.model.stage import StageSpec
from videobert.visual.codebook import Codebook
from videobert_modeling.export.portable.onnx_file import OPSET
from videobert_modeling.export.value_info import value_info


def served_nearest(spec: StageSpec, codebook: Codebook) -> bytes:
    """An ONNX file: features to their nearest centroid and the distance to it, in the space of the centroids.

    Scores are `|c|^2 - 2 f c` in float32, ties to the lowest id. The runtime decides near ties in float64; here a
    feature within float32 rounding of two centroids may get the other one.

    Args:
        spec: see `videobert.model.stage_lists.nearest_with_codebook`.
    """
    # Distances do not change when everything moves, and small coordinates lose less to rounding.
    # A column that features lack stays: they have zero there, so it is in the squares and in no product.
    dim = codebook.dim
    centre = codebook.leaves.astype(np.float64).mean(axis=0)
    centre[dim:] = 0
    moved = (codebook.leaves - centre).astype(np.float32)
    squares = np.square(moved, dtype=np.float64).sum(axis=1).astype(np.float32)
    constants = {
        "centre": centre[:dim].astype(np.float32),
        "columns": np.ascontiguousarray(-2 * moved[:, :dim].T),
        "squares": squares,
        "zero": np.array(0, np.float32),
        "axis": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Sub", ["features", "centre"], ["moved"]),
        helper.make_node("MatMul", ["moved", "columns"], ["products"]),
        helper.make_node("Add", ["products", "squares"], ["scores"]),
        helper.make_node("ArgMin", ["scores"], ["ids"], axis=1, keepdims=1),
        helper.make_node("ReduceMin", ["scores", "axis"], ["best"], keepdims=1),
        helper.make_node("ReduceSumSquare", ["moved", "axis"], ["length"], keepdims=1),
        helper.make_node("Add", ["best", "length"], ["signed"]),
        helper.make_node("Max", ["signed", "zero"], ["squared"]),
        helper.make_node("Sqrt", ["squared"], ["distances"]),
    ]
    graph = helper.make_graph(
        nodes,
        "videobert",
        [value_info(tensor) for tensor in spec.inputs],
        [value_info(tensor) for tensor in spec.outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, producer_name="videobert", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=11
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
