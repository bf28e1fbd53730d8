"""The NVIDIA driver and GPUs of this machine, for whoever has to know before anything runs on them.

Asked of the driver library, as every back end sees it; no CUDA context is made. torch is asked by its own engine.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from videobert.base.errors import EngineUnavailable
from videobert.cuda.compute_capability import dotted
from videobert.cuda.libcuda import Libcuda

_NAME_BYTES = 256
# CUdevice_attribute of the driver's interface.
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentGpu:
    """A GPU that CUDA shows to this process.

    Args:
        name: as the vendor calls it.
        capability: major * 10 + minor.
    """

    name: str
    capability: int

    def __str__(self) -> str:
        return f"{self.name} {dotted(self.capability)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuPresence:
    """What there is.

    Args:
        driver: whether the driver library is installed.
        error: the driver's status where it cannot be used, else 0.
        gpus: in the driver's order.
    """

    driver: bool
    error: int
    gpus: tuple[PresentGpu, ...]


def gpu_presence() -> GpuPresence:
    """The driver and the GPUs that it shows."""
    try:
        library = Libcuda()
    except EngineUnavailable:
        return GpuPresence(driver=False, error=0, gpus=())
    count = ctypes.c_int(0)
    error = library.status("cuInit", 0) or library.status("cuDeviceGetCount", ctypes.byref(count))
    if error:
        return GpuPresence(driver=True, error=error, gpus=())
    return GpuPresence(driver=True, error=0, gpus=tuple(_gpu(library, number) for number in range(count.value)))


def present_gpu() -> str | None:
    """Name and compute capability of the first GPU, such as `"NVIDIA GeForce RTX 4090 8.9"`; None without one."""
    gpus = gpu_presence().gpus
    return str(gpus[0]) if gpus else None


def _gpu(library: Libcuda, number: int) -> PresentGpu:
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(_NAME_BYTES)
    library.call("cuDeviceGet", ctypes.byref(device), number)
    library.call("cuDeviceGetName", name, _NAME_BYTES, device)
    major, minor = (_attribute(library, which, device) for which in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR))
    return PresentGpu(name=name.value.decode("utf-8", "replace"), capability=major * 10 + minor)


def _attribute(library: Libcuda, which: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int(0)
    library.call("cuDeviceGetAttribute", ctypes.byref(value), which, device)
    return value.value
