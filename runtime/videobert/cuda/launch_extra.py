"""Kernel parameters as one block of bytes, in the form that `cuLaunchKernel` takes them."""

from __future__ import annotations

import ctypes

# Of `cuda.h`: what the entries of the list mean.
_END, _BUFFER_POINTER, _BUFFER_SIZE = 0, 1, 2


class LaunchExtra:
    """The list behind the last argument of `cuLaunchKernel`; must live until the call returns.

    Args:
        parameters: values of all parameters, each at its natural alignment.
    """

    def __init__(self, parameters: bytes) -> None:
        self._bytes = ctypes.create_string_buffer(parameters, max(1, len(parameters)))
        self._size = ctypes.c_size_t(len(parameters))
        self._list = (ctypes.c_void_p * 5)(
            _BUFFER_POINTER, ctypes.addressof(self._bytes), _BUFFER_SIZE, ctypes.addressof(self._size), _END
        )

    @property
    def address(self) -> int:
        """Of the list."""
        return ctypes.addressof(self._list)
