"""What a machine with a GPU can do with the whole product: questions that no machine without one can answer.

Each is asked in the process of `benchmarks.gpu.worker`. A probe needs more than the figures of kernels do, `videobert`
among it; what is not installed is said, not failed on. A probe that compares tells so as `parity`, and where that is
not good, it has no time beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks.gpu.case import tiny
from benchmarks.gpu.probes import decoding, drivers, product, tensorrt

PROBES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "one context": drivers.one_context,
    "answers": product.answers,
    "nvdec": decoding.nvdec,
    "clips on the device": product.clips_on_the_device,
    "compiled kernels": drivers.compiled_kernels,
    "decode rate": decoding.decode_rate,
    "cold start": product.cold_start,
    "tensorrt engines": tensorrt.engines,
    "tensorrt-rtx here": tensorrt.rtx_here,
    "gpu tests": product.gpu_tests,
}
# How long each takes, as far as one knows, and the longest time for it.
COSTS_S: Final = {
    "one context": (8.0, 40.0),
    "answers": (30.0, 90.0),
    "nvdec": (15.0, 60.0),
    "clips on the device": (12.0, 60.0),
    "compiled kernels": (60.0, 120.0),
    "decode rate": (40.0, 120.0),
    "cold start": (25.0, 90.0),
    "tensorrt engines": (60.0, 240.0),
    "tensorrt-rtx here": (8.0, 60.0),
    "gpu tests": (100.0, 200.0),
}
# What of them can be gone through without a GPU, at a small size or up to where one is needed.
WITHOUT_GPU: Final = frozenset({"nvdec", "answers"})


def ask(name: str) -> dict[str, Any]:
    """The row of one probe: `"found"` with its result, `"parity is red"`, or `"dry run"`.

    Raises:
        KeyError: there is no such probe.
        ModuleNotFoundError: a package that it needs is not here.
        Exception: the probe failed.
    """
    if tiny() and name not in WITHOUT_GPU:
        if name not in PROBES:
            raise KeyError(name)
        return {"verdict": "dry run", "note": "its code needs a GPU, and was not run"}
    result = PROBES[name]()
    wrong = red(result)
    if wrong is not None:
        return {"verdict": "parity is red", "parity": wrong, "result": result}
    return {"verdict": "dry run" if tiny() else "found", "result": result}


def red(result: Any) -> str | None:
    """The first parity in a result that is not good, in words."""
    if isinstance(result, dict):
        if result.get("parity", "good") != "good":
            return str(result["parity"])
        return next((wrong for wrong in map(red, result.values()) if wrong is not None), None)
    return None
