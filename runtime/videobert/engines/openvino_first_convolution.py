"""The convolution of a backbone that sees clips, and what stands before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt

from videobert.engines.openvino_nodes import constant_of, users_of

COLOURS: Final = 3
# Channels last, as clips are, to channels first, as convolutions have them.
_CHANNELS_FIRST: Final = [0, 4, 1, 2, 3]


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
    if first is None or len(shape) != 5 or shape.is_dynamic or shape[4].get_length() != COLOURS:
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


def _by_colour(values: npt.NDArray[Any] | None) -> bool:
    return values is not None and values.shape in ((COLOURS,), (1,), ())
