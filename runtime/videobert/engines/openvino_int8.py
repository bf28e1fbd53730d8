"""int8 in OpenVINO: nodes that say where values are quantised, put into a graph when it is compiled.

OpenVINO computes a product on 8-bit values where both of its inputs come from a `FakeQuantize`; it folds those of
weights and fuses the others. So a graph needs no second copy for int8, only its ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    return {node.get_friendly_name(): node for node in model.get_ordered_ops() if _is_product(node)}


def _is_product(node: Any) -> bool:
    """Whether a node multiplies values, rows of them where it is a matrix, by one weight for all."""
    if node.get_type_name() not in _PRODUCTS or _constant(node.input_value(1)) is None:
        return False
    if node.input_value(1).get_partial_shape().is_dynamic:
        return False
    if node.get_type_name() != "MatMul":
        return True
    weight, values = node.input_value(1).get_shape(), node.input_value(0).get_partial_shape()
    # With a weight for each of a batch OpenVINO computes another result each time.
    one_weight = len(weight) >= 2 and all(side == 1 for side in list(weight)[:-2])
    rows = values.rank.is_static and len(values) >= 2 and not node.get_attributes()["transpose_a"]
    return one_weight and rows


def quantise(model: Any, ranges: Int8Ranges, name: str) -> None:
    """Change a model so that the products named in `ranges` are computed on 8-bit values.

    Args:
        model: an `openvino.Model` with fixed shapes or not, before it is compiled.
        name: of the graph, for errors.

    Raises:
        ModelError: the graph has no such product.
    """
    quantise_products(products_of(model), ranges, name)
    model.validate_nodes_and_infer_types()


def quantise_products(products: Mapping[str, Any], ranges: Int8Ranges, name: str) -> None:
    """`quantise` of nodes that are of no finished model yet."""
    unknown = [each for each in ranges.tops if each not in products]
    if unknown:
        raise ModelError(
            f"the int8 ranges of {name} name products that the graph does not have",
            seen=", ".join(unknown[:3]),
            fix="Get or build the model again.",
        )
    done: dict[tuple[Any, ...], Any] = {}
    for each, top in ranges.tops.items():
        node = products[each]
        shift, scale = ranges.shifts.get(each), ranges.scales.get(each)
        key = (*value_key(node), top, scale)
        if key not in done:
            done[key] = _activation(node, top, scale, name)
        node.input(0).replace_source_output(done[key].output(0))
        node.input(1).replace_source_output(_quantised_weight(node, scale).output(0))
        if shift is not None:
            _shifted(node, shift, name)


def value_key(node: Any) -> tuple[str, int]:
    """Names what enters a product; products of a layer may share it."""
    value = node.input_value(0)
    return value.get_node().get_friendly_name(), value.get_index()


def weight_of(node: Any) -> npt.NDArray[np.float32]:
    """The weight of a product, in the shape that it enters it with."""
    constant = _constant(node.input_value(1))
    if constant is None:  # such a product is none of `products_of`
        raise TypeError(f"{node.get_friendly_name()} has no constant weight")
    # Converted by OpenVINO: numpy does not have all of its types.
    data = constant.get_data(dtype=np.float32)
    return np.asarray(data).reshape(tuple(node.input_value(1).get_shape()))


def inputs_axis(node: Any) -> int | None:
    """The axis of a matrix that its product sums over; None of a product that is a convolution."""
    if node.get_type_name() != "MatMul":
        return None
    rank = len(node.input_value(1).get_shape())
    return rank - 1 if node.get_attributes()["transpose_b"] else rank - 2


def outputs_axis(node: Any) -> int:
    """The axis of a product's output that has one place for each row of its weight."""
    return len(node.output(0).get_partial_shape()) - 1 if node.get_type_name() == "MatMul" else 1


def _activation(node: Any, top: float, scale: tuple[float, ...] | None, name: str) -> Any:
    opset = openvino_library().opset13
    value = node.input_value(0)
    if scale is not None:
        axis = inputs_axis(node)
        if axis is None or len(scale) != node.input_value(1).get_shape()[axis]:
            raise _other_count(name, node, "scales", len(scale))
        value = opset.multiply(value, opset.constant(1 / np.asarray(scale, np.float32))).output(0)
    high = abs(top)
    low = -high * 128 / 127 if top < 0 else 0.0
    bounds = [np.float32(low), np.float32(high)]
    return opset.fake_quantize(value, *bounds, *bounds, 256)


def _quantised_weight(node: Any, scale: tuple[float, ...] | None) -> Any:
    """The weight of a product on 255 levels, symmetric, each output with its own scale."""
    opset = openvino_library().opset13
    weight, value = weight_of(node), node.input_value(1)
    if scale is not None:
        shape = [1] * weight.ndim
        shape[inputs_axis(node) or 0] = -1
        weight = weight * np.asarray(scale, np.float32).reshape(shape)
        value = opset.constant(weight).output(0)
    top = np.maximum(np.abs(weight).max(axis=_summed(node, weight), keepdims=True), _LEAST)
    bounds = [opset.constant(-top), opset.constant(top)]
    return opset.fake_quantize(value, *bounds, *bounds, 255)


def _shifted(node: Any, shift: tuple[float, ...], name: str) -> None:
    """Add to a product's outputs, where all that used them takes them from."""
    output, axis = node.output(0), outputs_axis(node)
    shape = output.get_partial_shape()
    if shape[axis].is_static and shape[axis].get_length() != len(shift):
        raise _other_count(name, node, "shifts", len(shift))
    opset = openvino_library().opset13
    users = list(output.get_target_inputs())
    sides = [1] * len(shape)
    sides[axis] = -1
    added = opset.add(output, opset.constant(np.asarray(shift, np.float32).reshape(sides)))
    for user in users:
        user.replace_source_output(added.output(0))


def _other_count(name: str, node: Any, what: str, count: int) -> ModelError:
    return ModelError(
        f"the int8 ranges of {name} have another number of {what} than the product has places for them",
        seen=f"{count} of {node.get_friendly_name()}",
        fix="Get or build the model again.",
    )


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
        if not node.get_output_element_type(0).is_real():
            # What was converted to whole numbers on the way are no longer the constant's values.
            return None
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "Constant" else None
