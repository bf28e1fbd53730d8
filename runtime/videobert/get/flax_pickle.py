"""A flax checkpoint: one pickle of nested dicts of numpy arrays, read without `pickle`.

Form: `numpy.ndarray.__reduce__` writes the call `numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b"b")` and the
state `(1, shape, dtype, is_fortran, bytes)`; `numpy.dtype.__reduce__` the call `numpy.dtype("f4", False, True)` and the
state `(3, "<", None, None, None, -1, -1, 0)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.get.pickle_machine import GlobalName, follow_pickle, refuse

MOST_BYTES = 256 << 20
MOST_ARRAYS = 10_000
MOST_AXES = 8
_DEEPEST = 16
_RECONSTRUCT = {GlobalName(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}
_NDARRAY = GlobalName("numpy", "ndarray")
_DTYPE = GlobalName("numpy", "dtype")
_LITTLE_ENDIAN = (3, "<", None, None, None, -1, -1, 0)


def read_flax_pickle(content: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of a flax checkpoint.

    Returns:
        Arrays by the path of keys that leads to each, joined by "/", as in `params/Conv3d_1a_7x7/Conv_0/kernel` (a key
        may hold a slash itself). They are views of `content`'s parts that cannot be written to.

    Raises:
        ModelError: it is damaged, too large, or holds anything but dicts of little-endian float32 arrays.
    """
    if len(content) > MOST_BYTES:
        refuse("is too large", f"{len(content)} bytes", f"at most {MOST_BYTES} bytes")
    stream = BytesIO(content)
    tree = follow_pickle(stream, _NumpyNames())
    if stream.tell() != len(content):
        refuse("goes on after its end", f"{len(content) - stream.tell()} bytes more", "nothing")
    found: dict[str, npt.NDArray[np.float32]] = {}
    for name, array in _leaves("", tree, 0):
        if name in found:
            refuse("has a name twice", name)
        if len(found) >= MOST_ARRAYS:
            refuse("has too many arrays", f"more than {MOST_ARRAYS}", f"at most {MOST_ARRAYS}")
        found[name] = array
    return found


def _leaves(name: str, node: object, depth: int) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    if isinstance(node, _Array):
        yield name, node.values()
    elif type(node) is not dict or depth > _DEEPEST or not node:
        # An empty dict is refused too: levels of the same dicts would else be walked without ever counting an array.
        refuse("has something else than a dict of arrays", f"{type(node).__name__} at {name or 'its top'}")
    else:
        for key, value in node.items():
            yield from _leaves(f"{name}/{key}" if name else key, value, depth + 1)


@dataclass(slots=True)
class _Dtype:
    """`numpy.dtype("f4")`, complete when its byte order is known."""

    little_endian: bool = False


class _Array:
    """`numpy._reconstruct(…)`, empty until its state comes."""

    def __init__(self) -> None:
        self._values: npt.NDArray[np.float32] | None = None

    def values(self) -> npt.NDArray[np.float32]:
        if self._values is None:
            refuse("has an array without values")
        return self._values

    def fill(self, state: object) -> None:
        if type(state) is not tuple or len(state) != 5 or self._values is not None:
            refuse("gives an array a state that is not accepted", type(state).__name__)
        version, shape, dtype, is_fortran, content = state
        if version != 1 or type(is_fortran) is not bool or type(content) is not bytes:
            refuse("gives an array a state that is not accepted", f"values as {type(content).__name__}")
        if not isinstance(dtype, _Dtype) or not dtype.little_endian:
            refuse("has an array of a type that is not accepted", type(dtype).__name__, "little-endian float32")
        size = _element_count(shape)
        if len(content) != 4 * size:
            refuse("has an array whose bytes do not fit its shape", f"{len(content)} bytes for {shape}", f"{4 * size}")
        flat = np.frombuffer(content, dtype="<f4")
        self._values = flat.reshape(shape, order="F" if is_fortran else "C")


def _element_count(shape: Any) -> int:
    """The product of the axes, each of which is a whole number of 0 or more."""
    if type(shape) is not tuple or len(shape) > MOST_AXES:
        refuse("has an array whose shape is not accepted", type(shape).__name__, f"at most {MOST_AXES} axes")
    size = 1
    for axis in shape:
        if type(axis) is not int or not 0 <= axis <= MOST_BYTES:
            refuse("has an array whose shape is not accepted", axis, f"axes of 0 to {MOST_BYTES}")
        size *= axis
    return size


class _NumpyNames:
    """What the three globals of numpy stand for."""

    def known(self, name: GlobalName) -> bool:
        return name in _RECONSTRUCT or name in (_NDARRAY, _DTYPE)

    def call(self, name: GlobalName, arguments: tuple[Any, ...]) -> object:
        if name in _RECONSTRUCT and arguments == (_NDARRAY, (0,), b"b"):
            return _Array()
        if name == _DTYPE and arguments == ("f4", False, True):
            return _Dtype()
        refuse("makes something else than an array of float32", str(name), "little-endian float32")

    def build(self, made: object, state: object) -> object:
        if isinstance(made, _Array):
            made.fill(state)
        elif isinstance(made, _Dtype) and state == _LITTLE_ENDIAN:
            made.little_endian = True
        else:
            refuse("gives a state to something else than an array", type(made).__name__, "little-endian float32")
        return made

    def persistent(self, identity: object) -> object:
        refuse("points to something outside of itself", type(identity).__name__)
