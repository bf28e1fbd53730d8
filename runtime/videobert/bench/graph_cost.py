"""What a stage costs at the least, counted in its portable graph: operations, and bytes that must be moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from videobert.base.openvino_core import openvino_core
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1, "fp8": 1}


class Cost(NamedTuple):
    """Of one call.

    Args:
        flops: multiplications and additions of matrix products, convolutions and attention; the rest is left out.
        least_bytes: weights in the precision that the stage runs in, inputs and outputs, each once.
    """

    flops: float
    least_bytes: float


def costs_of(
    folder: ModelFolder, calls: Iterable[tuple[str, Shapes]], precision: str
) -> dict[tuple[str, Shapes], Cost]:
    """The cost of each different call; of a stage without a portable graph, or with shapes that it refuses, none."""
    core = openvino_core()
    found: dict[tuple[str, Shapes], Cost] = {}
    for stage, shapes in dict.fromkeys(calls):
        name = portable_graph(stage)
        if not shapes or name not in folder:
            continue
        try:
            model = core.read_model(folder.read(name))
            model.reshape({key: list(shape) for key, shape in shapes})
            found[stage, shapes] = _cost(model, _BYTES.get(precision, 4))
        except RuntimeError:
            continue
    return found


def _cost(model: Any, weight_bytes: int) -> Cost:
    flops = 0.0
    moved = 0.0
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind == "Constant":
            moved += math.prod(node.get_output_shape(0)) * weight_bytes
        elif kind in ("Parameter", "Result"):
            moved += math.prod(node.get_output_shape(0)) * node.get_output_element_type(0).size
        else:
            flops += _flops(kind, node)
    return Cost(flops, moved)


def _flops(kind: str, node: Any) -> float:
    shapes = [tuple(node.get_input_shape(place)) for place in range(node.get_input_size())]
    out = tuple(node.get_output_shape(0)) if node.get_output_size() else ()
    if kind == "MatMul":
        summed = shapes[0][-2] if node.get_attributes().get("transpose_a") else shapes[0][-1]
        return float(2 * math.prod(out) * summed)
    if kind in ("Convolution", "GroupConvolution"):
        # Weights are (out, in, kernel...), of groups (groups, out, in, kernel...).
        each = shapes[1][2:] if kind == "GroupConvolution" else shapes[1][1:]
        return float(2 * math.prod(out) * math.prod(each))
    if kind == "ScaledDotProductAttention":
        return _attention(shapes)
    return 0.0


def _attention(shapes: Sequence[tuple[int, ...]]) -> float:
    query, key, value = shapes[:3]
    return 2.0 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
