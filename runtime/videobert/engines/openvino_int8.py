"""int8 in OpenVINO: nodes that say where values are quantised, put into a graph when it is compiled.

OpenVINO computes a product on 8-bit values where both of its inputs come from a `FakeQuantize`; it folds those of
weights and fuses the others. So a graph needs no second copy for int8, only its ranges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import ModelError
from videobert.base.offline_imports import openvino_library
from videobert.model.int8_ranges import Int8Ranges

# Operators with a weight as their second input.
_PRODUCTS = ("Convolution", "GroupConvolution", "MatMul")
# What may lie between a weight and its product.
_OF_WEIGHTS = ("Convert", "Reshape")
_LEAST = 1e-12


def products_of(model: Any) -> dict[str, Any]:
    """The products with a weight in an `openvino.Model`, by name, in order."""
    return {
        node.get_friendly_name(): node
        for node in model.get_ordered_ops()
        if node.get_type_name() in _PRODUCTS and _constant(node.input_value(1)) is not None
    }


def quantise(model: Any, ranges: Int8Ranges, name: str) -> None:
    """Change a model so that the products named in `ranges` are computed on 8-bit values.

    Args:
        model: an `openvino.Model` with fixed shapes or not, before it is compiled.
        name: of the graph, for errors.

    Raises:
        ModelError: the graph has no such product.
    """
    products = products_of(model)
    unknown = [each for each in ranges.tops if each not in products]
    if unknown:
        raise ModelError(
            f"the int8 ranges of {name} name products that the graph does not have",
            seen=", ".join(unknown[:3]),
            fix="Get or build the model again.",
        )
    done: dict[tuple[str, int, float], Any] = {}
    for each, top in ranges.tops.items():
        node = products[each]
        value = node.input_value(0)
        key = (value.get_node().get_friendly_name(), value.get_index(), top)
        if key not in done:
            done[key] = _activation(value, top)
        node.input(0).replace_source_output(done[key].output(0))
        weight = _constant(node.input_value(1))
        node.input(1).replace_source_output(_quantised_weight(node, weight).output(0))
    model.validate_nodes_and_infer_types()


def _activation(value: Any, top: float) -> Any:
    high = abs(top)
    low = -high * 128 / 127 if top < 0 else 0.0
    bounds = [np.float32(low), np.float32(high)]
    return openvino_library().opset13.fake_quantize(value, *bounds, *bounds, 256)


def _quantised_weight(node: Any, constant: Any) -> Any:
    """The weight of a product, which `constant` holds, on 255 levels, symmetric, each output with its own scale."""
    weight = np.asarray(constant.get_data(), np.float32).reshape(tuple(node.input_value(1).get_shape()))
    top = np.maximum(np.abs(weight).max(axis=_summed(node, weight), keepdims=True), _LEAST)
    opset = openvino_library().opset13
    bounds = [opset.constant(-top), opset.constant(top)]
    return opset.fake_quantize(node.input_value(1), *bounds, *bounds, 255)


def _summed(node: Any, weight: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """The axes of a weight that its product sums over, and those of the kernel."""
    kind = node.get_type_name()
    if kind == "MatMul":
        outputs = weight.ndim - 2 if node.get_attributes()["transpose_b"] else weight.ndim - 1
        return tuple(axis for axis in range(weight.ndim) if axis != outputs)
    return tuple(range(2 if kind == "GroupConvolution" else 1, weight.ndim))


def _constant(value: Any) -> Any | None:
    node = value.get_node()
    while node.get_type_name() in _OF_WEIGHTS:
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "Constant" else None
