"""A portable graph in fp16 or bf16 arithmetic, for engines that take their types from the graph alone.

Matrix products, convolutions, attention and what lies between them run in the low precision. Statistics do not:
LayerNorm, means, lengths of vectors, comparisons, the input's normalisation and everything after a head's logits stay
in float32. The softmax inside `Attention` is the engine's: TensorRT refuses the attribute `softmax_precision`, but its
fused kernels keep the softmax in float32, and the build asserts that they are used. Inputs and outputs are those of the
portable graph.
"""

from __future__ import annotations

from typing import Literal

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, shape_inference

from videobert_modeling.export.low_precision.folding import folded

Low = Literal["fp16", "bf16"]

_TYPE = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
# Computed in float32: sums over many values, differences of near values, and the pixels' scale and shift.
_EXACT = {"LayerNormalization", "ReduceMean", "AveragePool", "LogSoftmax", "Softmax", "TopK", "Sub", "ReduceL2"}
# From the length of a vector to the vector divided by it: squares overflow, and the least length is below fp16.
_OF_LENGTHS = {"Clip", "Expand", "Div"}
_COMPARISONS = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
_HALF = ".fp16"


def lowered(model: ModelProto, precision: Low, keep: frozenset[str] = frozenset()) -> ModelProto:
    """The graph with low-precision arithmetic.

    Args:
        model: a portable graph as `to_onnx` writes it.
        keep: names of nodes that stay in float32.

    Returns:
        A new model with the same inputs, outputs and initialisers.
    """
    out = folded(model)
    nodes = _Rewriting(out, _TYPE[precision], keep).run()
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    _drop_unused(out.graph)
    onnx.checker.check_model(out, full_check=True)
    return out


class _Rewriting:
    """One pass over the nodes, which knows the type that each float value has by now."""

    def __init__(self, model: ModelProto, low: int, keep: frozenset[str]) -> None:
        self._keep = keep
        self._graph = model.graph
        self._low = low
        inferred = shape_inference.infer_shapes(model, strict_mode=True).graph
        values = (*inferred.value_info, *inferred.input, *inferred.output)
        self._type = {value.name: value.type.tensor_type.elem_type for value in values}
        self._type |= {tensor.name: tensor.data_type for tensor in inferred.initializer}
        self._floats = {name for name, kind in self._type.items() if kind == TensorProto.FLOAT}
        self._half_of: dict[str, str] = {}
        self._nodes: list[NodeProto] = []
        self._casts: dict[tuple[str, int], str] = {}
        self._pixels: set[str] = set()
        self._lengths: set[str] = set()

    def run(self) -> list[NodeProto]:
        for node in self._graph.node:
            self._take(node)
        for output in self._graph.output:
            made = output.name
            if made in self._floats and self._type[made] != TensorProto.FLOAT:
                # The node that made the output keeps its place; its value gets another name.
                for node in self._nodes:
                    for names in (node.input, node.output):
                        names[:] = [f"{made}.low" if name == made else name for name in names]
                self._nodes.append(helper.make_node("Cast", [f"{made}.low"], [made], to=TensorProto.FLOAT))
        return self._nodes

    def _take(self, original: NodeProto) -> None:
        node = NodeProto()
        node.CopyFrom(original)
        if node.op_type == "Cast" and node.input[0].endswith(_HALF):
            self._half_of[node.output[0]] = node.input[0]
            self._type[node.output[0]] = TensorProto.FLOAT16
            return
        if node.op_type not in _COMPARISONS and not any(name in self._floats for name in node.output):
            self._nodes.append(node)
            return
        kind = TensorProto.FLOAT if self._is_exact(node) or node.name in self._keep else self._low
        for position, name in enumerate(node.input):
            if name in self._floats:
                node.input[position] = self._as(name, kind)
        for name in node.output:
            if name in self._floats:
                self._type[name] = kind
        self._nodes.append(node)

    def _is_exact(self, node: NodeProto) -> bool:
        # The bytes as numbers, then their scale and shift, up to the first operator that moves them.
        scaling = node.op_type in ("Mul", "Add") and any(name in self._pixels for name in node.input)
        if node.op_type == "Cast" or scaling:
            self._pixels.update(node.output)
        of_lengths = node.op_type in _OF_LENGTHS and any(name in self._lengths for name in node.input)
        if node.op_type == "ReduceL2" or (of_lengths and node.op_type != "Div"):
            self._lengths.update(node.output)
        return node.op_type in _EXACT | _COMPARISONS or node.op_type == "Cast" or scaling or of_lengths

    def _as(self, name: str, kind: int) -> str:
        source = self._half_of.get(name, name)
        if self._type[name] == kind:
            return source
        key = (name, kind)
        if key not in self._casts:
            self._casts[key] = f"{name}.{TensorProto.DataType.Name(kind).lower()}"
            self._nodes.append(helper.make_node("Cast", [source], [self._casts[key]], to=kind))
        return self._casts[key]


def _drop_unused(graph: GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
