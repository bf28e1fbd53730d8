"""Spans that NVIDIA's profilers see too: NVTX ranges of the same names."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

from videobert.base.spans import Recording

# The names under which CUDA's toolkit and the wheels of it bring the library.
_LIBRARIES = ("libnvToolsExt.so.1", "libnvtx3interop.so.1", "libnvtx3interop.so")


def recording_for(device: str) -> Recording:
    """A recording of the spans; on a GPU whoever profiles the process sees them as NVTX ranges, where that is there.

    Args:
        device: of the engine, such as `"CPU"`.
    """
    if device == "CPU":
        return Recording()
    library = _nvtx()
    if library is None:
        return Recording()
    return Recording(lambda name: library.nvtxRangePushA(name.encode()), library.nvtxRangePop)


def _nvtx() -> Any | None:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
