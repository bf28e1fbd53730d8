"""Self-attention with fewer kernels, put into a graph when OpenVINO compiles it.

OpenVINO turns ONNX's `Attention` into products, a softmax, and a guard that makes zeros of rows without a place to look
at; it takes query, key and value apart one by one, and finds out at each call what to divide by. In its place come a
mask without infinities, which needs no guard, and one kernel that takes the three apart. The sums are the same.

What is left could be one kernel of OpenVINO's own. That one adds up in another order where padding fills a block of 8
or 16 places, so that states of a short sequence would depend on those beside it: its weights stay a kernel of theirs.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from videobert.base.offline_imports import openvino_library
from videobert.engines.openvino_nodes import constant_of, users_of

# What changes here changes compiled graphs that are kept.
ATTENTION_FORMAT: Final = 2
# In place of minus infinity: a row without a place to look at gets a mean in place of no number. Only padding has such.
_HIDDEN: Final = -1e38
_HEADS_FIRST: Final = [0, 2, 1, 3]


class _SelfAttention(NamedTuple):
    """One that was found.

    Args:
        out: the node whose output is the attention's, `(batch, heads, places, size)`.
        joined: the value with query, key and value side by side, `(batch, places, 3 * heads * size)`.
        mask: the value that is added to the scores.
    """

    out: Any
    joined: Any
    mask: Any
    heads: int
    size: int


def simplify_self_attention(model: Any) -> int:
    """Change an `openvino.Model`, before it is compiled; anything but self-attention stays as it is.

    Returns:
        How many were found.
    """
    attentions = [found for node in model.get_ordered_ops() if (found := _self_attention(node)) is not None]
    masks: dict[tuple[str, int], Any] = {}
    for each in attentions:
        key = (each.mask.get_node().get_name(), each.mask.get_index())
        if key not in masks:
            opset = openvino_library().opset13
            masks[key] = opset.maximum(each.mask, opset.constant(np.float32(_HIDDEN)))
        made = _with_fewer_kernels(each, masks[key])
        made.set_friendly_name(each.out.get_friendly_name())
        for user in users_of(each.out.output(0)):
            user.replace_source_output(made.output(0))
    if attentions:
        model.validate_nodes_and_infer_types()
    return len(attentions)


def _with_fewer_kernels(each: _SelfAttention, mask: Any) -> Any:
    opset = openvino_library().opset13
    sizes = opset.constant(np.array([0, 0, 3, each.heads, each.size], np.int64))
    parts_first = opset.constant(np.array([2, 0, 3, 1, 4], np.int64))
    apart = opset.transpose(opset.reshape(each.joined, sizes, True), parts_first)
    first = opset.constant(np.array([0], np.int64))
    query, key, value = opset.split(apart, opset.constant(np.int64(0)), 3).outputs()
    scores = opset.matmul(opset.squeeze(query, first), opset.squeeze(key, first), False, True)
    scores = opset.divide(scores, opset.constant(np.float32(np.sqrt(each.size))))
    weights = opset.softmax(opset.add(scores, mask), 3)
    # With five axes OpenVINO does not take the three steps for one.
    return opset.squeeze(opset.matmul(opset.unsqueeze(weights, first), value, False, False), first)


def _self_attention(out: Any) -> _SelfAttention | None:
    """The one that ends in this node, if there is one as OpenVINO makes it of ONNX's."""
    softmax = _back(out, (0, "Select"), (2, "Softmax"))
    added = _back(softmax, (0, "Add"))
    divided = _back(added, (0, "Divide"))
    scores = _back(divided, (0, "MatMul"))
    if (
        softmax is None
        or added is None
        or scores is None
        or not _guards_zero(out, softmax)
        or not _multiplies(out, False)
        or not _multiplies(scores, True)
    ):
        return None
    query, key, value = scores.input_value(0), scores.input_value(1), out.input_value(1)
    shape, mask = query.get_partial_shape(), added.input_value(1)
    split = _back(query.get_node(), (0, "Reshape"), (0, "Split"))
    if split is None or not (_has_axes(split.input_value(0), 3) and _has_axes(query, 4) and _has_axes(mask, 4)):
        return None
    if shape[1].is_dynamic or shape[3].is_dynamic or softmax.get_attributes()["axis"] not in (3, -1):
        return None
    heads, size = shape[1].get_length(), shape[3].get_length()
    width = split.input_value(0).get_partial_shape()[2]
    apart = all(_is_part(part, split, place, heads, size) for place, part in enumerate((query, key, value)))
    if not apart or width.is_dynamic or width.get_length() != 3 * heads * size or not _divides_by_root(divided):
        return None
    return _SelfAttention(out, split.input_value(0), mask, heads, size)


def _has_axes(value: Any, count: int) -> bool:
    """So many axes in float32, as what is put in their place has."""
    shape = value.get_partial_shape()
    return value.get_element_type().to_string() == "f32" and shape.rank.is_static and len(shape) == count


def _back(node: Any | None, *steps: tuple[int, str]) -> Any | None:
    """The node that enters another there and is of that kind, and so on; None where one is not."""
    for place, kind in steps:
        if node is None or node.get_input_size() <= place:
            return None
        node = node.input_value(place).get_node()
        if node.get_type_name() != kind:
            return None
    return node


def _multiplies(node: Any, transposed: bool) -> bool:
    """A product of two values, the second one transposed or not."""
    said = node.get_attributes() if node.get_type_name() == "MatMul" else {}
    return (said.get("transpose_a"), said.get("transpose_b")) == (False, transposed)


def _guards_zero(out: Any, softmax: Any) -> bool:
    """Zeros stand where the softmax is no number, and nowhere else."""
    guard = out.input_value(0).get_node()
    asked = _back(guard, (0, "IsNaN"))
    like = _back(guard, (1, "ConvertLike"))
    zero = None if like is None else constant_of(like, 0)
    one_zero = zero is not None and zero.size == 1 and not zero.any()
    return asked is not None and _same(asked.input_value(0).get_node(), softmax) and one_zero


def _is_part(value: Any, split: Any, place: int, heads: int, size: int) -> bool:
    """Heads first, of the part at that place of three."""
    turned = value.get_node()
    if turned.get_type_name() != "Transpose" or _order(turned) != _HEADS_FIRST:
        return False
    part = _back(turned, (0, "Reshape"))
    source = None if part is None else part.input_value(0)
    shape = value.get_partial_shape()
    return (
        source is not None
        and _keeps_rows(part)
        and _same(source.get_node(), split)
        and source.get_index() == place
        and len(split.outputs()) == 3
        and [constant_of(split, 1)] in ([2], [-1])
        and shape[1] == heads
        and shape[3] == size
    )


def _keeps_rows(reshape: Any) -> bool:
    """Puts no places of several rows into one, or of one into several: the first side is kept, or that of an input."""
    sizes = constant_of(reshape, 1)
    if sizes is not None:
        return bool(sizes[0] == 0 and reshape.get_attributes()["special_zero"])
    first = _back(reshape.input_value(1).get_node(), (0, "Reshape"), (0, "Squeeze"), (0, "Slice"))
    shaped = _back(first, (0, "ShapeOf"))
    if shaped is None or [constant_of(first, place) for place in (1, 2)] != [[0], [1]]:
        return False
    return bool(shaped.input_value(0).get_node().get_type_name() == "Parameter")


def _order(transpose: Any) -> list[int] | None:
    order = constant_of(transpose, 1)
    return None if order is None else [int(axis) for axis in order]


def _divides_by_root(divided: Any) -> bool:
    """By the root of the query's last side, which OpenVINO reads of its shape."""
    gathered = _back(divided, (1, "Sqrt"), (0, "ConvertLike"), (0, "Gather"))
    shaped = _back(gathered, (0, "ShapeOf"))
    query = divided.input_value(0).get_node().input_value(0).get_node()
    return shaped is not None and _same(shaped.input_value(0).get_node(), query) and constant_of(gathered, 1) in (3, -1)


def _same(node: Any, other: Any) -> bool:
    """OpenVINO's bindings make another object of a node each time that they are asked."""
    return bool(node.get_name() == other.get_name())
