"""A module as the bytes of an ONNX file: opset 24, weights in fp16, the same bytes every time."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import onnx
import onnx_ir
import onnxscript.optimizer
import torch
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from onnx_ir.passes import common as passes
from onnxscript.rewriter import RewriteRuleSet
from onnxscript.rewriter.rules.common import fuse_pad_into_conv_rule

from videobert_modeling.export.portable.graphs import Graph, lengths_in_attention

OPSET = 24
_NO_LIMIT = 1 << 40
_SHAPE_CONSTANTS = 8  # elements; only constants this small are shared, so that weights keep their names


def to_onnx(graph: Graph) -> bytes:
    """The file. Weights of two or more axes are stored in fp16 where that loses nothing and cast up when used."""
    program = _traced(graph)
    _simplify(program.model)
    model = program.model_proto
    _tidy(model)
    _drop_zero_biases(model.graph)
    _store_in_half(model.graph)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _traced(graph: Graph) -> Any:
    names = dict.fromkeys(name for axes in graph.axes.values() for name in axes.values())
    dims = {name: torch.export.Dim(name, max=graph.longest.get(name)) for name in names}
    shapes = tuple({place: dims[name] for place, name in graph.axes[given].items()} for given in graph.example)
    # The exporter warns about packages that it could use and about names of axes that two inputs share.
    registry = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registry.level
    registry.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), lengths_in_attention(graph.module):
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                graph.module.eval(),
                tuple(graph.example.values()),
                dynamo=True,
                input_names=list(graph.example),
                output_names=list(graph.outputs),
                dynamic_shapes=shapes,
                opset_version=OPSET,
                external_data=False,
                # The exporter's own rewriting folds BatchNorm into weights, which then no longer fit fp16.
                optimize=False,
                verbose=False,
            )
    finally:
        registry.setLevel(level)


def _simplify(model: onnx_ir.Model) -> None:
    passes.InlinePass()(model)
    onnxscript.optimizer.fold_constants_ir(model, input_size_limit=_NO_LIMIT, output_size_limit=_NO_LIMIT)
    # ONNX pads either end of a convolution by itself, which torch cannot say.
    RewriteRuleSet([fuse_pad_into_conv_rule]).apply_to_model(model)
    onnx_ir.passes.Sequential(
        passes.RemoveUnusedNodesPass(),
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.DeduplicateInitializersPass(size_limit=_SHAPE_CONSTANTS),
        passes.CommonSubexpressionEliminationPass(),
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),  # type: ignore[no-untyped-call]
        passes.RemoveUnusedOpsetsPass(),
    )(model)


def _tidy(model: onnx.ModelProto) -> None:
    """Drop what depends on the machine: stack traces with paths, versions, inferred shapes of inner values."""
    model.producer_name = "videobert"
    graph = model.graph
    graph.name = "videobert"
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    model.ClearField("producer_version")


def _drop_zero_biases(graph: GraphProto) -> None:
    """Convolutions without bias get one of zeros from the exporter, of shape (channels, 2), which no engine accepts."""
    zeros = {tensor.name for tensor in graph.initializer if not numpy_helper.to_array(tensor).any()}
    dropped = set()
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] in zeros:
            dropped.add(node.input.pop())
    # Few zeros are stored once, so that something else may need them.
    dropped -= {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name not in dropped]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _store_in_half(graph: GraphProto) -> None:
    casts: dict[str, NodeProto] = {}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        value = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = value.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), value):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.fp16"))
        casts[name] = helper.make_node("Cast", [tensor.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT)
    nodes: list[NodeProto] = []
    for node in graph.node:
        nodes += [casts.pop(name) for name in node.input if name in casts]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
