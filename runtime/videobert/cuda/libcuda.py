"""The few calls of the CUDA driver library that need no package: what GPUs there are, and what torch does not offer."""

from __future__ import annotations

import ctypes
from typing import Any

from videobert.base.errors import DeviceError, EngineUnavailable

_LIBRARY = "libcuda.so.1"
_Handle = ctypes.c_void_p
_Address = ctypes.c_uint64
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "cuInit": (ctypes.c_uint,),
    "cuDeviceGetCount": (_Handle,),
    "cuDeviceGet": (_Handle, ctypes.c_int),
    "cuDeviceGetName": (_Handle, ctypes.c_int, ctypes.c_int),
    "cuDeviceGetAttribute": (_Handle, ctypes.c_int, ctypes.c_int),
    "cuDevicePrimaryCtxRetain": (_Handle, ctypes.c_int),
    "cuCtxPushCurrent_v2": (_Handle,),
    "cuCtxPopCurrent_v2": (_Handle,),
    "cuMemGetInfo_v2": (_Handle, _Handle),
    "cuMemcpyHtoDAsync_v2": (_Address, _Handle, ctypes.c_size_t, _Handle),
    "cuMemcpyDtoHAsync_v2": (_Handle, _Address, ctypes.c_size_t, _Handle),
    "cuMemcpyDtoDAsync_v2": (_Address, _Address, ctypes.c_size_t, _Handle),
    "cuModuleLoadData": (_Handle, ctypes.c_char_p),
    "cuModuleGetFunction": (_Handle, _Handle, ctypes.c_char_p),
    "cuModuleUnload": (_Handle,),
    "cuFuncSetAttribute": (_Handle, ctypes.c_int, ctypes.c_int),
    "cuLaunchKernel": (_Handle, *(ctypes.c_uint,) * 7, _Handle, _Handle, _Handle),
}


class Libcuda:
    """Calls by name; a status other than success is a `DeviceError`.

    Raises:
        EngineUnavailable: there is no driver library.
    """

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise EngineUnavailable(
                "there is no NVIDIA driver", seen=str(error), fix="Install the NVIDIA driver."
            ) from error
        for name, arguments in _ARGUMENTS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, ctypes.c_int

    def status(self, name: str, *arguments: Any) -> int:
        """Call a function: what it returns, 0 where it worked."""
        return int(getattr(self._library, name)(*arguments))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function.

        Raises:
            DeviceError: it failed.
        """
        status = self.status(name, *arguments)
        if status:
            raise DeviceError(
                "the GPU or its driver refused a call", seen=f"{name}: error {status}", fix="See `nvidia-smi`."
            )

    def made(self, name: str, *arguments: Any) -> int:
        """Call a function that writes a handle to its first argument: the handle."""
        handle = ctypes.c_void_p()
        self.call(name, ctypes.byref(handle), *arguments)
        return handle.value or 0
