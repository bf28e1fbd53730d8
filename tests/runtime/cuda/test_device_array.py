"""Arrays on the GPU are looked at where they are; here they lie on the host and say otherwise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.cuda.device_array import matches, view_of


class OnDevice:
    """A numpy array that says it is on a GPU and hands itself over through DLPack."""

    def __init__(self, array: np.ndarray, device: tuple[int, int] = (2, 0)) -> None:
        self.array, self.device, self.streams = array, device, []  # type: ignore[var-annotated]

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, *, stream: int) -> Any:
        self.streams.append(stream)
        return self.array.__dlpack__()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64, np.float16])
def test_dlpack_gives_address_shape_and_type(dtype: Any) -> None:
    array = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    there = OnDevice(array[1:])
    view = view_of(there, 0x55)
    assert (view.address, view.shape, view.dtype) == (array[1:].ctypes.data, (1, 3, 4), array.dtype)
    assert view.size_bytes == array[1:].nbytes
    # The producer was told which stream reads it.
    assert there.streams == [0x55]
    assert matches(view, (1, 3, 4), dtype)
    assert not matches(view, (3, 4), dtype)


def test_a_missing_leading_one_matches() -> None:
    view = view_of(OnDevice(np.zeros((3, 4), np.uint8)), 1)
    assert matches(view, (1, 3, 4), np.uint8)
    assert not matches(view, (2, 3, 4), np.uint8)
    assert not matches(view, (1, 3, 4), np.int8)


def test_the_memory_is_kept_as_long_as_the_view() -> None:
    import gc
    import weakref

    array = np.zeros((1000,), np.uint8)
    gone = weakref.ref(array)
    view = view_of(OnDevice(array), 1)
    del array
    gc.collect()
    assert gone() is not None
    del view
    gc.collect()
    assert gone() is None


def interface(array: np.ndarray, **changes: Any) -> Any:
    fields = {"data": (array.ctypes.data, False), "shape": array.shape, "typestr": array.dtype.str, "version": 3}
    return SimpleNamespace(__cuda_array_interface__=fields | {"strides": array.strides} | changes)


def test_the_cuda_array_interface_will_do() -> None:
    array = np.zeros((2, 5), np.float32)
    view = view_of(interface(array), 1)
    assert (view.address, view.shape, view.dtype) == (array.ctypes.data, (2, 5), array.dtype)
    assert view_of(interface(array, strides=None), 1).shape == (2, 5)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (OnDevice(np.zeros(3, np.uint8), (1, 0)), "not on the GPU that the engine uses; got device kind 1"),
        (OnDevice(np.zeros(3, np.uint8), (2, 1)), "got device kind 2, number 1"),
        (OnDevice(np.zeros((4, 4), np.uint8)[:, ::2]), "must be contiguous"),
        (OnDevice(np.zeros((4, 5), np.uint8).T), "must be contiguous"),
        (OnDevice(np.zeros(3, np.complex64)), "type of value"),
        (interface(np.zeros((4, 5), np.uint8).T), "must be contiguous"),
        (interface(np.zeros(3, np.uint8), stream=7), "may still be being written.*stream 7"),
        ([1, 2], "no array on a GPU; got list"),
    ],
)
def test_what_cannot_be_used(array: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        view_of(array, 1)


def test_a_capsule_that_was_taken_is_refused() -> None:
    array = np.zeros(3, np.uint8)
    capsule = array.__dlpack__()
    np.from_dlpack(SimpleNamespace(__dlpack__=lambda **options: capsule, __dlpack_device__=lambda: (1, 0)))
    there = SimpleNamespace(__dlpack__=lambda stream: capsule, __dlpack_device__=lambda: (2, 0))
    with pytest.raises(InputError, match="was taken by someone else"):
        view_of(there, 1)
