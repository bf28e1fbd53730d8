"""A clip that stays on the GPU, for whoever can take it there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class DeviceFrames:
    """uint8 `(frames, crop, crop, 3)` in the memory of a GPU.

    Handed over without a copy through DLPack (`torch.from_dlpack(frames)`) or `__cuda_array_interface__`. The memory
    lives as long as this object or what was made of it.

    Args:
        tensor: an object with `shape`, `__dlpack__`, `__dlpack_device__`, `__cuda_array_interface__` and `as_cpu`, such
            as DALI's `TensorGPU`.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor
        self.shape = tuple(int(size) for size in tensor.shape())

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"DeviceFrames({' x '.join(map(str, self.shape))})"

    def __dlpack__(self, **options: Any) -> Any:
        """See the array API standard."""
        return self._tensor.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Kind and number of the device."""
        kind, number = self._tensor.__dlpack_device__()
        return int(kind), int(number)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """See Numba's CUDA array interface."""
        interface: dict[str, Any] = self._tensor.__cuda_array_interface__
        return interface

    def on_host(self) -> npt.NDArray[np.uint8]:
        """A copy in the memory of the host; waits for the GPU."""
        return np.array(self._tensor.as_cpu(), dtype=np.uint8)
