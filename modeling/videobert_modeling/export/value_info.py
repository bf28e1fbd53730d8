"""A tensor's specification as ONNX has it."""

from __future__ import annotations

import numpy as np
from onnx import ValueInfoProto, helper

from videobert.model.stage import TensorSpec


def value_info(tensor: TensorSpec) -> ValueInfoProto:
    """Name, type and axes, the free ones by their names."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    dims = [axis.name if axis.size is None else axis.size for axis in tensor.axes]
    return helper.make_tensor_value_info(tensor.name, kind, dims)
