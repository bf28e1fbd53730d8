"""Which places of a stage's output are real, and not padding, and the mean of such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.model.masks import axis_of, is_lengths
from videobert.model.stage import StageSpec, TensorSpec


def real_places(
    spec: StageSpec, output: TensorSpec, inputs: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.bool_] | None:
    """Whether each place is, bool `(batch, places)`; None where the stage is told of no padding along that axis.

    Args:
        inputs: of the call, by name.
    """
    if len(output.axes) < 2:
        return None
    axis = output.axes[1]
    counted = {axis_of(spec, tensor).name: tensor for tensor in spec.inputs if is_lengths(tensor)}
    parts = axis.sum_of or (axis.name,)
    if axis.size is not None or not all(part in counted for part in parts):
        return None
    sizes = spec.lengths_of(inputs)
    return np.concatenate(
        [np.arange(sizes[part])[None] < inputs[counted[part].name][:, None] for part in parts], axis=1
    )


def mean_of_places(states: npt.NDArray[np.float32], counts: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """The means `(batch, width)` of states `(batch, places, width)` at the places that count; 0 where none does."""
    total = np.where(counts[..., None], states, 0).sum(axis=1, dtype=np.float64)
    mean: npt.NDArray[np.float32] = (total / np.maximum(counts.sum(axis=1), 1)[:, None]).astype(np.float32)
    return mean
