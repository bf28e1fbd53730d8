"""What torch's pickles of tensors say, without torch and without `pickle`: which part of which storage a tensor is.

Form: `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`, where the storage is the
persistent id `("storage", torch.FloatStorage, key, device, elements)` and its bytes lie outside of the pickle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.get.pickle_machine import GlobalName, follow_pickle, refuse

MOST_TENSORS = 10_000
MOST_ELEMENTS = 1 << 28
# Of all tensors together: many may share a storage, and each becomes an array of its own.
MOST_TENSOR_BYTES = 512 << 20
MOST_AXES = 8
_ORDERED_DICT = GlobalName("collections", "OrderedDict")
_TENSOR = GlobalName("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = GlobalName("torch._utils", "_rebuild_parameter")
_STORAGES: dict[GlobalName, np.dtype[Any]] = {
    GlobalName("torch", "FloatStorage"): np.dtype("<f4"),
    GlobalName("torch", "HalfStorage"): np.dtype("<f2"),
    GlobalName("torch", "LongStorage"): np.dtype("<i8"),
}


@dataclass(frozen=True, slots=True)
class Storage:
    """A row of `elements` numbers, whose bytes are found by its key."""

    key: str
    dtype: np.dtype[Any]
    elements: int

    @property
    def size_bytes(self) -> int:
        return self.elements * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as a part of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.storage.dtype.itemsize

    def values(self, content: bytes) -> npt.NDArray[Any]:
        """The tensor, C-contiguous, from the bytes of its storage, which are as many as that says."""
        flat = np.frombuffer(content, dtype=self.storage.dtype)[self.offset :]
        steps = tuple(stride * self.storage.dtype.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(flat, self.shape, steps, writeable=False).copy(order="C")


def read_torch_pickle(stream: BytesIO) -> dict[str, StoredTensor]:
    """The tensors of a state dict, by name; the stream is left behind the pickle's end.

    Raises:
        ModelError: it is damaged or past a limit, or holds something else than a dict of tensors.
    """
    found = follow_pickle(stream, _TorchNames())
    if type(found) is not dict or not 0 < len(found) <= MOST_TENSORS:
        refuse("holds no dict of tensors", type(found).__name__, f"a dict of 1 to {MOST_TENSORS} tensors")
    for name, tensor in found.items():
        if not isinstance(tensor, StoredTensor):
            refuse("holds something else than tensors", f"{type(tensor).__name__} at {name}")
    storages: dict[str, Storage] = {}
    for tensor in found.values():
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            refuse("tells of a storage in two ways", tensor.storage.key)
    total = sum(tensor.size_bytes for tensor in found.values())
    if total > MOST_TENSOR_BYTES:
        refuse("has tensors that are too large together", f"{total} bytes", f"at most {MOST_TENSOR_BYTES} bytes")
    return found


def with_values(
    tensors: Mapping[str, StoredTensor], content_of: Callable[[Storage], bytes]
) -> dict[str, npt.NDArray[Any]]:
    """The tensors as arrays.

    Args:
        content_of: the bytes of a storage; it is asked once for each.

    Raises:
        ModelError: a storage has other bytes than the pickle says; whatever `content_of` raises.
    """
    contents: dict[str, bytes] = {}
    arrays = {}
    for name, tensor in tensors.items():
        storage = tensor.storage
        if storage.key not in contents:
            contents[storage.key] = content_of(storage)
        if len(contents[storage.key]) != storage.size_bytes:
            size = f"{len(contents[storage.key])} bytes for {name}"
            refuse("has a storage whose bytes do not fit its size", size, f"{storage.size_bytes} bytes")
        arrays[name] = tensor.values(contents[storage.key])
    return arrays


class _TorchNames:
    """What the globals of a state dict stand for."""

    def known(self, name: GlobalName) -> bool:
        return name in (_ORDERED_DICT, _TENSOR, _PARAMETER) or name in _STORAGES

    def call(self, name: GlobalName, arguments: tuple[Any, ...]) -> object:
        if name == _ORDERED_DICT and arguments == ():
            return {}
        if name == _TENSOR and len(arguments) == 6:
            return _tensor(*arguments[:4])
        if name == _PARAMETER and len(arguments) == 3 and isinstance(arguments[0], StoredTensor):
            return arguments[0]
        refuse("makes something else than a dict of tensors", str(name))

    def build(self, made: object, state: object) -> object:
        # Torch hangs the versions of its modules on the dict; they say nothing about the tensors.
        if type(made) is not dict or type(state) is not dict or set(state) != {"_metadata"}:
            refuse("gives a state to something else than a dict of tensors", type(made).__name__)
        return made

    def persistent(self, identity: object) -> object:
        # The older form has a sixth part, a view of the storage, which is None wherever tensors are saved.
        if type(identity) is not tuple or len(identity) not in (5, 6) or identity[5:] not in ((), (None,)):
            refuse("points to something that is no storage", type(identity).__name__)
        word, kind, key, _, elements = identity[:5]
        dtype = _STORAGES.get(kind) if isinstance(kind, GlobalName) else None
        if type(word) is not str or word != "storage" or type(key) is not str or dtype is None:
            allowed = ", ".join(map(str, _STORAGES))
            refuse("has a storage that is not accepted", kind if isinstance(kind, GlobalName) else None, allowed)
        return Storage(key, dtype, _whole(elements, "storage of a size"))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> StoredTensor:
    if not isinstance(storage, Storage) or type(shape) is not tuple or type(strides) is not tuple:
        refuse("has a tensor without a storage", type(storage).__name__)
    if len(shape) != len(strides) or len(shape) > MOST_AXES:
        refuse("has a tensor whose shape is not accepted", f"{len(shape)} axes, {len(strides)} strides")
    count, last = 1, _whole(offset, "tensor with an offset")
    for axis, stride in zip(shape, strides, strict=True):
        count *= _whole(axis, "tensor with an axis")
        last += max(axis - 1, 0) * _whole(stride, "tensor with a stride")
    # As many elements as the storage at most: strides of 0 would make a large tensor of a small one.
    if count > storage.elements or (count and last >= storage.elements):
        refuse("has a tensor that leaves its storage", f"{shape} at {offset} of {storage.elements} elements")
    return StoredTensor(storage, offset, shape, strides)


def _whole(value: object, what: str) -> int:
    if type(value) is not int or not 0 <= value <= MOST_ELEMENTS:
        refuse(f"has a {what} that is not accepted", type(value).__name__, f"a whole number, 0 to {MOST_ELEMENTS}")
    return value
