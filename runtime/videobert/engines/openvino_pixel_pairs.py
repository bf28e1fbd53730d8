"""Pairs of pixels in a backbone's first convolution.

Short values are multiplied two or four channels at a time, so that three colours cost as much as four. Two neighbours
in a row are six channels in the same bytes, and a kernel that steps by two pixels steps by one pair.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from videobert.engines.openvino_first_convolution import COLOURS, FirstOfClips
from videobert.engines.openvino_nodes import constant_of, replace_constant, set_axis

_WIDTH: Final = 2


def pair_pixels(first: FirstOfClips) -> bool:
    """Let clips come in pairs, if the first convolution steps by two pixels; whoever does it reshapes the parameter."""
    node, weight = first.node, constant_of(first.node, 1)
    said = node.get_attributes()
    columns = first.shape[3]
    if weight is None or weight.shape[1] != COLOURS or columns % 2:
        return False
    if said["strides"][_WIDTH] != 2 or said["dilations"][_WIDTH] != 1 or said["auto_pad"] != "explicit":
        return False
    width, before, after = weight.shape[4], said["pads_begin"][_WIDTH], said["pads_end"][_WIDTH]
    # Which pairs a step reads, counted from the one of its first pixel that is no padding.
    begin, end = -before // 2, (width - 1 - before) // 2
    paired = np.zeros((weight.shape[0], 2 * COLOURS, *weight.shape[2:4], end - begin + 1), weight.dtype)
    for place in range(width):
        pair, second = divmod(place - before, 2)
        paired[:, second * COLOURS : (second + 1) * COLOURS, :, :, pair - begin] = weight[..., place]
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
