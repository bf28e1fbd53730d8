"""What is read of nodes of an `openvino.Model`, and changed in them, before it is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.offline_imports import openvino_library

# What OpenVINO calls the types that numpy has too.
_OF_NUMPY = frozenset(("boolean", *(f"{kind}{bits}" for kind in "iu" for bits in (8, 16, 32, 64)), "f16", "f32", "f64"))


def constant_of(node: Any, place: int) -> npt.NDArray[Any] | None:
    """The values of a constant that enters a node there, as they are stored; None of anything else.

    None of one in a type that numpy lacks either, as bfloat16 and packed integers: its bits are read as other values.
    """
    source = node.input_value(place).get_node()
    if source.get_type_name() == "Convert":
        source = source.input_value(0).get_node()
    if source.get_type_name() != "Constant" or source.get_element_type().to_string() not in _OF_NUMPY:
        return None
    return np.asarray(source.get_data())


def replace_constant(node: Any, place: int, values: npt.NDArray[Any]) -> None:
    """Let another constant enter a node there, converted as the one before was."""
    opset = openvino_library().opset13
    value = node.input_value(place)
    made = opset.constant(values)
    if value.get_node().get_type_name() == "Convert":
        made = opset.convert(made, value.get_element_type().to_string())
    node.input(place).replace_source_output(made.output(0))


def set_axis(node: Any, name: str, axis: int, value: int) -> None:
    """Change one number of an attribute that has one for each axis."""
    values = list(node.get_attributes()[name])
    values[axis] = value
    node.set_attribute(name, values)


def users_of(value: Any) -> Sequence[Any]:
    """The inputs that take an output of a node."""
    return list(value.get_target_inputs())
