"""Arrays that lie on the GPU already, taken as they are through DLPack or `__cuda_array_interface__`."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError

# Of the DLPack header.
_CUDA = 2
_KINDS = {0: "i", 1: "u", 2: "f", 6: "b"}
_FRESH = b"dltensor"


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("number", ctypes.c_int32))


class _DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A contiguous array on a device.

    Args:
        address: of its first value.
        owner: what keeps the memory alive; hold it until the work that reads the array is done.
    """

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    owner: object

    @property
    def size_bytes(self) -> int:
        """Of all its values."""
        return prod(self.shape) * self.dtype.itemsize


def view_of(array: Any, stream: int, device: int = 0) -> DeviceView:
    """Look at an array on the GPU; nothing is copied.

    Args:
        array: has `__dlpack__`, which makes the producer's work come before ours, or `__cuda_array_interface__`.
        stream: handle of the stream that will read it.
        device: the device's number that it must be on.

    Raises:
        InputError: it is elsewhere, is not contiguous, or has a type that is not known.
    """
    if hasattr(array, "__dlpack__"):
        kind, number = (int(part) for part in array.__dlpack_device__())
        if (kind, number) != (_CUDA, device):
            raise InputError(
                "this array is not on the GPU that the engine uses",
                seen=f"device kind {kind}, number {number}",
                allowed=f"device kind {_CUDA}, number {device}",
            )
        return _from_capsule(array, array.__dlpack__(stream=stream))
    if hasattr(array, "__cuda_array_interface__"):
        return _from_interface(array, array.__cuda_array_interface__)
    raise InputError(
        "this is no array on a GPU",
        seen=type(array).__name__,
        allowed="one with __dlpack__ or __cuda_array_interface__",
    )


def _from_capsule(array: Any, capsule: object) -> DeviceView:
    """The capsule is read and left unused: with `array` it keeps the memory, and gives it back when both go."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    valid = ctypes.pythonapi.PyCapsule_IsValid
    valid.restype, valid.argtypes = ctypes.c_int, (ctypes.py_object, ctypes.c_char_p)
    if not valid(capsule, _FRESH):
        raise InputError("the array's DLPack capsule was taken by someone else, or is of a version not known here")
    tensor = _Tensor.from_address(pointer(capsule, _FRESH))
    shape = tuple(tensor.shape[axis] for axis in range(tensor.ndim))
    kind, bits, lanes = tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes
    if kind not in _KINDS or bits % 8 or lanes != 1:
        raise InputError("this type of value cannot be used", seen=f"DLPack type {kind}, {bits} bits, {lanes} lanes")
    if tensor.strides:
        _check_contiguous(shape, tuple(tensor.strides[axis] for axis in range(tensor.ndim)))
    return DeviceView(
        address=(tensor.data or 0) + tensor.byte_offset,
        shape=shape,
        dtype=np.dtype(f"{_KINDS[kind]}{bits // 8}"),
        owner=(array, capsule),
    )


def _from_interface(array: Any, interface: dict[str, Any]) -> DeviceView:
    if interface.get("stream") is not None:
        raise InputError(
            "this array may still be being written, by a stream that the engine does not know",
            seen=f"stream {interface['stream']}",
            fix="Hand it over through DLPack, or wait for that stream and pass an array without one.",
        )
    dtype, shape = np.dtype(interface["typestr"]), tuple(int(size) for size in interface["shape"])
    strides = interface.get("strides")
    if strides is not None:
        _check_contiguous(shape, tuple(int(stride) // dtype.itemsize for stride in strides))
    return DeviceView(address=int(interface["data"][0]), shape=shape, dtype=dtype, owner=(array, interface))


def _check_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != expected:
            raise InputError(
                "an array on the GPU must be contiguous", seen=f"shape {shape}, strides {strides} in values"
            )
        expected *= size


def matches(view: DeviceView, shape: tuple[int, ...], dtype: npt.DTypeLike) -> bool:
    """Whether a view has this shape, with or without a leading 1, and this type."""
    return view.dtype == np.dtype(dtype) and shape in (view.shape, (1, *view.shape))
