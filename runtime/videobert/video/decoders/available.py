"""Which decoders this machine can use, and which one a loaded model has its videos decoded with.

Asked when a model is loaded, so that what cannot work is said then. Loads neither PyAV nor DALI.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Literal, cast

from videobert.base.arguments import one_of
from videobert.base.errors import EngineUnavailable
from videobert.cuda.gpu_presence import gpu_presence

if TYPE_CHECKING:
    from videobert.engines.base import Engine

DecoderName = Literal["auto", "pyav", "dali"]
Device = Literal["cpu", "cuda"]
DECODERS = ("auto", "pyav", "dali")
INSTALL_DALI = "pip install 'videobert[dali]'"


def decoding(decoder: str, engine: Engine) -> tuple[DecoderName, Device]:
    """The decoder to ask for and where it is to work, for an engine.

    Args:
        decoder: `"auto"`, `"pyav"` or `"dali"`.

    Raises:
        UsageError: an unknown name.
        EngineUnavailable: DALI was asked for by name and cannot run here; the message says what to install.
    """
    name = check_decoder(decoder)
    if name == "pyav":
        return name, "cpu"
    if name == "auto":
        return name, "cuda" if engine.takes_device_arrays else "cpu"
    device: Device = "cpu" if unusable("cuda") else "cuda"
    require_dali(device)
    return name, device


def check_decoder(decoder: str) -> DecoderName:
    """The decoder's name; one that is not known is refused."""
    return cast(DecoderName, one_of("decoder", decoder, DECODERS, "auto always works."))


def require_dali(device: Device) -> None:
    """Raise `EngineUnavailable`, which says what to install, if DALI cannot be used on this machine."""
    why = unusable(device)
    if why is not None:
        raise EngineUnavailable(
            "the dali decoder cannot run",
            seen=why[0],
            fix=f'Use decoder="pyav", or: {why[1]}.',
            fix_cli=f"Use --decoder pyav, or: {why[1]}.",
        )


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
