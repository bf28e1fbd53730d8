"""Lengths told by masks: 1 for a real place, and the real places come first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.model.stage import Axis, StageSpec, TensorSpec, described

_LENGTHS = "lengths"


def is_lengths(tensor: TensorSpec) -> bool:
    """Whether an input says how many places of each item are real: `lengths`, `text_lengths`."""
    return tensor.name == _LENGTHS or tensor.name.endswith(f"_{_LENGTHS}")


def is_mask(tensor: TensorSpec) -> bool:
    """Whether an input says of each place whether it is real, in any order."""
    return tensor.name.endswith("mask")


def mask_name(tensor: TensorSpec) -> str:
    """How a mask in place of these lengths is called: `mask`, `text_mask`."""
    return tensor.name.removesuffix(_LENGTHS) + "mask"


def axis_of(spec: StageSpec, tensor: TensorSpec) -> Axis:
    """The axis whose places these lengths count: `lengths` those of `length`, `past_lengths` those of `past`."""
    axes = {axis.name: axis for other in spec.inputs for axis in other.axes}
    names = (tensor.name.removesuffix("s"), tensor.name.removesuffix(f"_{_LENGTHS}"))
    return next(axes[name] for name in names if name in axes)


def lengths_from_mask(name: str, mask: npt.NDArray[Any], axis: Axis) -> npt.NDArray[np.int64]:
    """How many places of each row are real, int64 `(batch,)`.

    Args:
        name: what it is called in messages.
        mask: whole numbers or true and false, `(batch, places)`.

    Raises:
        InputError: another shape or type, values beside 0 and 1, or a real place behind one that is not.
    """
    if mask.ndim != 2 or mask.dtype.kind not in "iub" or 0 in mask.shape:
        raise InputError(
            f"{name} is no mask",
            seen=f"{mask.dtype} {mask.shape}",
            allowed=f"whole numbers or bool {described((Axis('batch'), axis))}, 1 for a real place",
            fix="Correct the array.",
        )
    if not np.isin(mask, (0, 1)).all():
        raise InputError(
            f"{name} holds values that a mask cannot have",
            seen=f"{int(mask.min())} to {int(mask.max())}",
            allowed="0 and 1",
            fix="Give 1 for a real place and 0 for padding; masks to be added to scores are not read.",
        )
    lengths: npt.NDArray[np.int64] = mask.astype(np.int64).sum(axis=1)
    real = np.arange(mask.shape[1])[None] < lengths[:, None]
    broken = np.flatnonzero((real != mask.astype(np.bool_)).any(axis=1))
    if broken.size:
        raise InputError(
            f"{name} has a real place behind padding",
            seen=f"row {int(broken[0])}: {mask[broken[0]].astype(int).tolist()}",
            allowed="a row of ones, then zeros",
            fix="Put the padding of every row at its end.",
        )
    return lengths
