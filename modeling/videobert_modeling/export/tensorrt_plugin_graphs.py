"""Graphs whose nodes are the plugins of `videobert_kernels.tensorrt_plugins`, for TensorRT 10.14 or later and 11.

No standard operator's name is used: the nodes are of the domain `videobert`, and say the same in the attributes by
which TensorRT's parser looks a plugin up. `register_plugins` must have been called in the process that parses them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from videobert.base.errors import ModelError
from videobert_kernels import pack_centroids
from videobert_kernels.tensorrt_plugins import NAMESPACE
from videobert_modeling.export.portable.onnx_file import OPSET

_LENGTHS: Final = 6  # position of `nonpad_kv_seqlen` among the inputs of `Attention`


def nearest_with_plugins(leaves: npt.NDArray[np.float32], most_rows: int) -> ModelProto:
    """`features` float32 `(batch, dim)` to `ids` int32 `(batch,)` and `distances` float32 `(batch,)`, exactly.

    The three nodes are the steps of `videobert_kernels.nearest_centroid`; ties go to the lowest id, and a feature that
    is not finite gets id -1 and distance NaN.

    Args:
        leaves: float32 `(leaves, dim)`, the codebook; stored in the graph, half as much again in fp16.
        most_rows: rows of the largest batch. Up to 64 the engine takes no larger batch; above, it takes any.

    Raises:
        KernelError: the codebook cannot be packed.
    """
    packed = pack_centroids(torch.from_numpy(np.ascontiguousarray(leaves)))
    constants = {
        "centroids": packed.centroids,
        "codebook": packed.coarse,
        "norms": packed.norms,
        "center": packed.center,
        "bounds": packed.bounds,
    }
    nodes = [
        _plugin("NearestPrepare", ["features", "center"], ["coarse", "stats"], exponent=packed.exponent),
        _plugin(
            "NearestSearch",
            ["coarse", "codebook", "norms", "stats"],
            ["first", "second"],
            most_rows=most_rows,
            centroids=len(packed),
        ),
        _plugin(
            "NearestRescore",
            ["features", "centroids", "bounds", "stats", "first", "second"],
            ["ids", "distances"],
            most_rows=most_rows,
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "videobert",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", packed.dim])],
        [
            helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch"]),
            helper.make_tensor_value_info("distances", TensorProto.FLOAT, ["batch"]),
        ],
        [numpy_helper.from_array(tensor.numpy(), name) for name, tensor in constants.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="videobert",
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(NAMESPACE, 1)],
        ir_version=11,
    )
    onnx.checker.check_model(model)
    return model


def attention_with_plugins(model: ModelProto, heads: int, head_size: int, longest: int) -> ModelProto:
    """An encoder graph with every `Attention` as a `PackedAttention`; inputs and outputs stay.

    A padded batch is packed as it is, each sequence being one segment of equal length: its queries see the first
    `lengths` keys of its own rows. What follows padding positions differs from the graph's, as nothing reads it.

    Args:
        model: a portable or lowered encoder graph, with `lengths` and no mask.
        heads: of each attention.
        head_size: 32, 64 or 128.
        longest: sequence that the engine takes; it chooses the tiles and costs time if it is wrong, nothing else.

    Raises:
        ModelError: the graph has no attention of that form.
    """
    out = ModelProto()
    out.CopyFrom(model)
    attentions = [node for node in out.graph.node if node.op_type == "Attention"]
    if not attentions or any(_lengths(node) != "lengths" or node.attribute for node in attentions):
        raise ModelError(
            "the graph has no attention that a plugin can take",
            seen=f"{len(attentions)} attentions",
            allowed='inputs of four axes and "lengths", no mask, no attributes',
        )
    sizes: dict[str, npt.NDArray[Any]] = {
        "packed.rows": np.array([-1, heads, head_size], np.int64),
        "packed.zero": np.array(0, np.int32),
        "packed.one": np.array(1, np.int32),
        "packed.axis": np.array([1], np.int64),
        "packed.scalar": np.array([], np.int64),
    }
    out.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in sizes.items())
    nodes = _segments()
    for node in out.graph.node:
        if node.op_type == "Attention":
            nodes += _packed(node, longest)
        else:
            nodes.append(node)
    copied = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del out.graph.node[:]
    out.graph.node.extend(copied)
    # What is known of values that are gone.
    del out.graph.value_info[:]
    out.opset_import.append(helper.make_opsetid(NAMESPACE, 1))
    onnx.checker.check_model(out)
    return out


def _lengths(node: NodeProto) -> str:
    return node.input[_LENGTHS] if len(node.input) == _LENGTHS + 1 and not any(node.input[3:_LENGTHS]) else ""


def _plugin(name: str, inputs: list[str], outputs: list[str], **attributes: Any) -> NodeProto:
    return helper.make_node(
        name,
        inputs,
        outputs,
        name=f"{name}.{outputs[0]}",
        domain=NAMESPACE,
        plugin_namespace=NAMESPACE,
        plugin_version="1",
        **attributes,
    )


def _segments() -> list[NodeProto]:
    """Offsets of the sequences in the flat batch, and the range of keys of each."""

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, inputs, [output], name=output, **attributes)

    return [
        node("Shape", ["ids"], "packed.sizes"),
        node("Cast", ["packed.sizes"], "packed.sizes32", to=TensorProto.INT32),
        helper.make_node(
            "Split", ["packed.sizes32"], ["packed.batch1", "packed.length1"], name="packed.split", axis=0, num_outputs=2
        ),
        node("Reshape", ["packed.batch1", "packed.scalar"], "packed.batch"),
        node("Reshape", ["packed.length1", "packed.scalar"], "packed.length"),
        node("Add", ["packed.batch", "packed.one"], "packed.edges"),
        node("Range", ["packed.zero", "packed.edges", "packed.one"], "packed.numbers"),
        node("Mul", ["packed.numbers", "packed.length"], "packed.offsets"),
        node("Range", ["packed.zero", "packed.batch", "packed.one"], "packed.sequences"),
        node("Mul", ["packed.sequences", "packed.length"], "packed.begins"),
        node("Cast", ["lengths"], "packed.lengths", to=TensorProto.INT32),
        node("Add", ["packed.begins", "packed.lengths"], "packed.ends"),
        node("Unsqueeze", ["packed.begins", "packed.axis"], "packed.begin_column"),
        node("Unsqueeze", ["packed.ends", "packed.axis"], "packed.end_column"),
        node("Concat", ["packed.begin_column", "packed.end_column"], "packed.ranges", axis=1),
    ]


def _packed(attention: NodeProto, longest: int) -> list[NodeProto]:
    """One attention: from `(batch, heads, length, size)` to rows and back."""
    output = attention.output[0]
    nodes = []
    for name, source in zip(("query", "key", "value"), attention.input[:3], strict=True):
        apart, flat = f"{output}.{name}.apart", f"{output}.{name}"
        nodes.append(helper.make_node("Transpose", [source], [apart], name=apart, perm=[0, 2, 1, 3]))
        nodes.append(helper.make_node("Reshape", [apart, "packed.rows"], [flat], name=flat))
    shape, flat, apart = f"{output}.shape", f"{output}.flat", f"{output}.apart"
    return [
        *nodes,
        helper.make_node("Shape", [f"{output}.query.apart"], [shape], name=shape),
        _plugin(
            "PackedAttention",
            [f"{output}.query", f"{output}.key", f"{output}.value", "packed.offsets", "packed.ranges"],
            [flat],
            causal=0,
            longest_query=longest,
        ),
        helper.make_node("Reshape", [flat, shape], [apart], name=apart),
        helper.make_node("Transpose", [apart], [output], name=output, perm=[0, 2, 1, 3]),
    ]
