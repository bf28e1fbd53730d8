"""A given array as a stage takes it: the type of numbers, the shape, and the values it may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, LimitExceeded
from videobert.check.array_file import MOST_BYTES
from videobert.model.stage import TensorSpec, described

Array = npt.NDArray[Any]


def fit(name: str, value: Array, tensor: TensorSpec, notes: list[str]) -> Array:
    """The array with the type of numbers that `tensor` has, its values checked.

    Whole numbers may come in any whole type or as true and false. float64 and float16 become float32, which is noted.
    Where the stage takes rows, `(count, width)`, an array with one axis more is taken as its rows.

    Args:
        name: what it is called in messages.

    Raises:
        InputError: another kind of numbers, another shape, or values that are not finite or not what a uint8 holds.
        LimitExceeded: an axis is longer than the model can take, or all of it takes more than 4 GiB.
    """
    value = np.asarray(value)
    # As the stage takes it, which can be eight times what was given.
    check_bytes(name, value.size * np.dtype(tensor.dtype).itemsize)
    fitted = _as_real(name, value, tensor, notes) if tensor.dtype == "float32" else _as_whole(name, value, tensor)
    _check_shape(name, fitted, tensor)
    return np.ascontiguousarray(fitted)


def takes_rows(tensor: TensorSpec) -> bool:
    """Whether an input is rows of some width, so that an array of one axis more can stand for its rows."""
    return len(tensor.axes) == 2 and tensor.axes[0].is_free and not tensor.axes[1].is_free and tensor.dtype == "float32"


def check_bytes(name: str, size: int) -> None:
    """Refuse an array that would take more than a file of arrays may hold.

    Raises:
        LimitExceeded: it would.
    """
    if size > MOST_BYTES:
        raise LimitExceeded(f"{name} takes too many bytes", seen=size, allowed=MOST_BYTES, fix="Check fewer at a time.")


def check_values(name: str, value: Array, least: int, most: int) -> None:
    """Refuse whole numbers out of range: an engine would read outside of its tables.

    Raises:
        InputError: one is.
    """
    if value.size and (int(value.min()) < least or int(value.max()) > most):
        raise InputError(
            f"{name} is out of range",
            seen=f"{int(value.min())} to {int(value.max())}",
            allowed=f"{least} to {most}",
            fix="Correct the array.",
        )


def _as_real(name: str, value: Array, tensor: TensorSpec, notes: list[str]) -> Array:
    if value.dtype.kind != "f" or value.dtype.itemsize > 8:
        raise _wrong(name, value, tensor, also="float64 and float16 are converted")
    with np.errstate(over="ignore"):
        real = value.astype(np.float32)
    if not np.isfinite(real).all():
        raise InputError(
            f"{name} holds a value that is not finite in float32", seen=str(value.dtype), fix="Correct the array."
        )
    if value.dtype != np.float32:
        notes.append(f"{name} is {value.dtype}: taken as float32")
    return real


def _as_whole(name: str, value: Array, tensor: TensorSpec) -> Array:
    if value.dtype.kind not in "iub":
        raise _wrong(name, value, tensor, also="any whole numbers")
    bounds = np.iinfo(tensor.dtype)
    check_values(name, value, int(bounds.min), int(bounds.max))
    return value.astype(tensor.dtype)


def _check_shape(name: str, value: Array, tensor: TensorSpec) -> None:
    axes, shape = tensor.axes, value.shape
    if takes_rows(tensor) and len(shape) == len(axes) + 1:
        axes = (axes[0], *axes)
    fits = len(shape) == len(axes) and all(axis.size in (None, size) for axis, size in zip(axes, shape, strict=True))
    if not fits or 0 in shape:
        raise _wrong(name, value, tensor, also="no axis empty" if fits else "")
    for axis, size in zip(axes, shape, strict=True):
        if axis.longest is not None and size > axis.longest:
            raise LimitExceeded(
                f"the axis {axis.name} of {name} is longer than the model can take",
                seen=size,
                allowed=axis.longest,
                fix="Give a shorter one.",
            )


def _wrong(name: str, value: Array, tensor: TensorSpec, *, also: str) -> InputError:
    return InputError(
        f"{name} does not fit",
        seen=f"{value.dtype} {value.shape}",
        allowed=f"{tensor.dtype} {described(tensor.axes)}" + (f"; {also}" if also else ""),
        fix="Correct the array.",
    )
