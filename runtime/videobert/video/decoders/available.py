"""The decoders by name, and whether this machine can use DALI; loads neither PyAV nor DALI to find out."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from typing import Literal

from videobert.cuda.gpu_presence import gpu_presence

DecoderName = Literal["auto", "pyav", "dali"]
Device = Literal["cpu", "cuda"]
DECODERS = ("auto", "pyav", "dali")
INSTALL_DALI = "pip install 'videobert[dali]'"


def unusable(device: Device) -> tuple[str, str] | None:
    """Why DALI cannot be used on this machine, and the one command or step that fixes it; None if it can.

    Looks for the package, the driver and NVDEC; loads no part of DALI.
    """
    if not _installed():
        return "the Python package 'nvidia.dali' is not installed", INSTALL_DALI
    if device == "cuda":
        return _no_gpu()
    return None


def _installed() -> bool:
    try:
        return importlib.util.find_spec("nvidia.dali") is not None
    except (ImportError, ValueError):
        return False


@cache
def _no_gpu() -> tuple[str, str] | None:
    presence = gpu_presence()
    if not presence.driver:
        return "there is no NVIDIA driver", "install the NVIDIA driver"
    if not presence.gpus:
        return f"the driver shows no GPU (error {presence.error})", "check `nvidia-smi`"
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError:
        fix = "install the driver's video library (libnvcuvid; in a container: NVIDIA_DRIVER_CAPABILITIES=video)"
        return "the driver's video decoder (libnvcuvid) is not there", fix
    return None
