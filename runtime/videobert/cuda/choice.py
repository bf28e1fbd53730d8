"""Which back end drives the GPU: never a silent choice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from videobert.base.errors import EngineUnavailable, InputError

if TYPE_CHECKING:
    from videobert.cuda.driver import CudaDriver

BACK_ENDS = ("auto", "torch", "cuda-bindings", "pycuda")


def open_driver(name: str = "auto", device: int = 0) -> CudaDriver:
    """A driver on the primary context of a device; its `name` says which back end it is.

    Args:
        name: one of `BACK_ENDS`. Auto means torch's if torch is imported already, else cuda-bindings, else pycuda:
            only the last has no graph capture.
        device: the device's number.

    Raises:
        InputError: an unknown name.
        EngineUnavailable: the one asked for, or every one, cannot be used; says why and what to install.
    """
    if name not in BACK_ENDS:
        raise InputError("this CUDA back end is not known", seen=name, allowed=", ".join(BACK_ENDS))
    if name != "auto":
        return _OPEN[name](device)
    reasons = []
    for each in BACK_ENDS[1:]:
        if each == "torch" and "torch" not in sys.modules:
            continue
        try:
            return _OPEN[each](device)
        except EngineUnavailable as error:
            reasons.append(f"{each}: {error.what}" + (f" ({error.seen})" if error.seen else ""))
    raise EngineUnavailable(
        "no NVIDIA GPU can be used from here",
        seen="; ".join(reasons),
        fix="Where there is a GPU with its driver, run `pip install cuda-bindings`.",
    )


def _torch(device: int) -> CudaDriver:
    from videobert.cuda.torch_driver import TorchDriver

    return TorchDriver(device)


def _bindings(device: int) -> CudaDriver:
    from videobert.cuda.bindings_driver import BindingsDriver

    return BindingsDriver(device)


def _pycuda(device: int) -> CudaDriver:
    from videobert.cuda.pycuda_driver import PycudaDriver

    return PycudaDriver(device)


_OPEN: dict[str, Callable[[int], CudaDriver]] = {"torch": _torch, "cuda-bindings": _bindings, "pycuda": _pycuda}
