"""What a deserialised engine takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from videobert.base.errors import ModelError

Shape = tuple[int, ...]

_TYPES = {"FLOAT": "f4", "HALF": "f2", "INT64": "i8", "INT32": "i4", "INT8": "i1", "UINT8": "u1", "BOOL": "b1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or output of an engine.

    Args:
        shape: -1 where it depends on the request.
    """

    name: str
    dtype: np.dtype[Any]
    shape: Shape
    is_input: bool


def tensors_of(trt: Any, engine: Any) -> tuple[Tensor, ...]:
    """Inputs and outputs, in the engine's order.

    Raises:
        ModelError: one has a type that numpy does not have, or must lie on the host.
    """
    found = []
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        kind = engine.get_tensor_dtype(name).name
        if kind not in _TYPES or engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
            raise ModelError(
                f"the engine's {name} cannot be used",
                seen=f"{kind} at {engine.get_tensor_location(name)}",
                allowed=f"{', '.join(_TYPES)} on the device",
                fix="Build the engine again with `videobert build`.",
            )
        found.append(
            Tensor(
                name=name,
                dtype=np.dtype(_TYPES[kind]),
                shape=tuple(engine.get_tensor_shape(name)),
                is_input=engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
            )
        )
    return tuple(found)
