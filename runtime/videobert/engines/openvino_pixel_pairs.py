"""Pairs of pixels in a backbone's first convolution.

Short values are multiplied two or four channels at a time, so that three colours cost as much as four. Two neighbours
in a row are six channels in the same bytes, and a kernel that steps by two pixels steps by one pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from videobert.engines.openvino_nodes import constant_of, replace_constant, set_axis, users_of

_COLOURS: Final = 3
# Channels last, as clips are, to channels first, as convolutions have them.
_CHANNELS_FIRST: Final = [0, 4, 1, 2, 3]
_WIDTH: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOfClips:
    """The convolution that sees clips, and what stands before it.

    Args:
        parameter: the clips, uint8 `shape`: `(batch, frames, height, width, 3)`.
        normalisation: nodes and the places of the constants that they multiply with or add.
        node: the convolution.
    """

    parameter: Any
    shape: tuple[int, ...]
    normalisation: list[tuple[Any, int]]
    node: Any


def first_of_clips(model: Any) -> FirstOfClips | None:
    """None of a model that does not begin with normalised clips, of a fixed shape, in a 3-D convolution."""
    if len(model.inputs) != 1:
        return None
    parameter = model.inputs[0].get_node()
    shape = parameter.output(0).get_partial_shape()
    first = next((node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"), None)
    if first is None or len(shape) != 5 or shape.is_dynamic or shape[4].get_length() != _COLOURS:
        return None
    if constant_of(first, 1) is None:
        return None
    turned = first.input_value(0).get_node()
    order = constant_of(turned, 1) if turned.get_type_name() == "Transpose" else None
    if order is None or order.tolist() != _CHANNELS_FIRST:
        return None
    normalisation, before = [], [turned]
    while (node := before[-1]).get_name() != parameter.get_name():
        kind, side = node.get_type_name(), 0
        if kind in ("Multiply", "Add"):
            constants = [place for place in (0, 1) if _by_colour(constant_of(node, place))]
            if len(constants) != 1:
                return None
            normalisation.append((node, constants[0]))
            side = 1 - constants[0]
        elif node is not turned and kind != "Convert":
            return None
        before.append(node.input_value(side).get_node())
    # What others take of it has to stay as it is.
    if any(len(users_of(node.output(0))) != 1 for node in before):
        return None
    return FirstOfClips(parameter=parameter, shape=tuple(shape.to_shape()), normalisation=normalisation, node=first)


def pair_pixels(first: FirstOfClips) -> bool:
    """Let clips come in pairs, if the first convolution steps by two pixels; whoever does it reshapes the parameter."""
    node, weight = first.node, constant_of(first.node, 1)
    said = node.get_attributes()
    columns = first.shape[3]
    if weight is None or weight.shape[1] != _COLOURS or columns % 2:
        return False
    if said["strides"][_WIDTH] != 2 or said["dilations"][_WIDTH] != 1 or said["auto_pad"] != "explicit":
        return False
    width, before, after = weight.shape[4], said["pads_begin"][_WIDTH], said["pads_end"][_WIDTH]
    # Which pairs a step reads, counted from the one of its first pixel that is no padding.
    begin, end = -before // 2, (width - 1 - before) // 2
    paired = np.zeros((weight.shape[0], 2 * _COLOURS, *weight.shape[2:4], end - begin + 1), weight.dtype)
    for place in range(width):
        pair, second = divmod(place - before, 2)
        paired[:, second * _COLOURS : (second + 1) * _COLOURS, :, :, pair - begin] = weight[..., place]
    # As many steps over pairs as there were over pixels.
    steps = (columns + before + after - width) // 2 + 1
    padding = steps - 1 + paired.shape[4] + begin - columns // 2
    if padding < 0:
        return False
    replace_constant(node, 1, paired)
    for name, value in (("strides", 1), ("pads_begin", -begin), ("pads_end", padding)):
        set_axis(node, name, _WIDTH, value)
    # By colour: for two pixels now.
    for each, side in first.normalisation:
        values = constant_of(each, side)
        if values is not None and values.size > 1:
            replace_constant(each, side, np.tile(values, 2))
    return True


def _by_colour(values: npt.NDArray[Any] | None) -> bool:
    return values is not None and values.shape in ((_COLOURS,), (1,), ())
