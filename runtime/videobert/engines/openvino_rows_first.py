"""Rows before frames in a backbone of 3-D convolutions.

A convolution over time reads the same place of several frames. OpenVINO works through a volume plane by plane, and
frames that are larger than the cache are gone when they are wanted again. With rows as the outer axis and frames as the
inner one they are still there. Two axes trade places in every node, and the sums are the same in the same order.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from videobert.base.offline_imports import openvino_library
from videobert.engines.openvino_nodes import constant_of, replace_constant, users_of

# What a convolution over time reads of the planes that it sums over. Below it they stay in the caches that a core has
# to itself, and the order of the other convolutions counts more.
_LARGE_BYTES: Final = 4 << 20
_SWAPPED: Final = [0, 1, 3, 2, 4]
_BY_AXIS: Final = ("strides", "dilations", "pads_begin", "pads_end", "kernel")
_KERNELS: Final = ("Convolution", "MaxPool", "AvgPool")
_ELSEWISE: Final = ("Relu", "BatchNormInference", "Concat")


def put_rows_first(first: Any, value_bytes: int) -> bool:
    """Let frames and rows trade places from a convolution on, where it pays and can be.

    Args:
        first: the convolution; whoever does it lets what enters it trade places too.
        value_bytes: of the values that are multiplied.
    """
    region = _region(first)
    if region is None or not any(_reads_large_planes(node, value_bytes) for node in region.nodes):
        return False
    for node in region.nodes:
        if node.get_type_name() not in _KERNELS:
            continue
        said = node.get_attributes()
        for name in _BY_AXIS:
            if name in said:
                frames, rows, columns = said[name]
                node.set_attribute(name, [rows, frames, columns])
        weight = constant_of(node, 1) if node.get_type_name() == "Convolution" else None
        if weight is not None:
            replace_constant(node, 1, np.ascontiguousarray(weight.swapaxes(2, 3)))
    opset = openvino_library().opset13
    back = opset.transpose(region.end, opset.constant(np.array(_SWAPPED, np.int64)))
    for user in region.users:
        user.replace_source_output(back.output(0))
    return True


class _Region(NamedTuple):
    """Nodes in which frames and rows may trade places.

    Args:
        nodes: from the first convolution on.
        end: the one value of theirs that others take.
        users: the inputs that take it.
    """

    nodes: list[Any]
    end: Any
    users: list[Any]


def _region(first: Any) -> _Region | None:
    """All that follows a convolution and goes by axes; None where others take more than one value of it."""
    found, waiting = {first.get_name(): first}, [first]
    ends: dict[str, tuple[Any, list[Any]]] = {}
    while waiting:
        node = waiting.pop()
        for user in users_of(node.output(0)):
            taker = user.get_node()
            if not _goes_by_axes(taker):
                ends.setdefault(node.get_name(), (node.output(0), []))[1].append(user)
            elif taker.get_name() not in found:
                found[taker.get_name()] = taker
                waiting.append(taker)
    if len(ends) != 1 or any(node is not first and not _all_from(node, found) for node in found.values()):
        return None
    ((end, users),) = ends.values()
    return _Region(list(found.values()), end, users)


def _all_from(node: Any, found: dict[str, Any]) -> bool:
    """Whether all that a node takes beside constants comes from nodes that are known."""
    sides = node.inputs() if node.get_type_name() == "Concat" else node.inputs()[:1]
    return all(side.get_source_output().get_node().get_name() in found for side in sides)


def _goes_by_axes(node: Any) -> bool:
    """Whether a node does the same to frames and to rows, if its attributes trade places."""
    kind = node.get_type_name()
    if kind not in (*_KERNELS, *_ELSEWISE) or len(node.output(0).get_partial_shape()) != 5:
        return False
    if kind == "Concat":
        return bool(node.get_attributes()["axis"] == 1)
    if kind == "Convolution":
        return constant_of(node, 1) is not None
    return not any(users_of(output) for output in node.outputs()[1:])


def _reads_large_planes(node: Any, value_bytes: int) -> bool:
    """Whether a node is a convolution over time alone, of planes that leave the cache."""
    if node.get_type_name() != "Convolution":
        return False
    frames, rows, columns = (int(side) for side in node.input(1).get_shape()[2:])
    _, channels, _, height, width = (int(side) for side in node.input(0).get_shape())
    return rows == columns == 1 < frames and frames * height * width * channels * value_bytes > _LARGE_BYTES
