"""What a machine reaches in plain work: a matrix product in each precision, and a copy."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.cpu_threads import thread_count
from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core
from videobert.results.bench import Roofs

# Large enough that starting it costs nothing, small enough for a tenth of a second: 2.1 GFLOP.
_SIDE = 1024
# More than any cache holds.
_COPIED_BYTES = 1 << 28
_RUNS = 8
# Of the values that are quantised, as far as they matter.
_LARGEST = 4.0
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


def roofs_of_cpu(precisions: tuple[str, ...] = ("fp32", "bf16", "int8"), threads: int | None = None) -> Roofs:
    """Of the CPU, through the library that runs the models there, with as many threads.

    Args:
        precisions: those of interest; what the processor does not multiply natively is left out.
        threads: most of them; None for as many as there are processors.

    Raises:
        EngineUnavailable: OpenVINO is not installed.
    """
    count = thread_count(threads)
    found = {name: _product(name, count) for name in precisions if _native(name)}
    return Roofs(flops_per_s=found, bytes_per_s=_copy())


def _native(precision: str) -> bool:
    if precision in ("fp32", "int8"):
        return True
    capabilities = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return {"bf16": "BF16", "fp16": "FP16"}[precision] in capabilities


def _product(precision: str, threads: int) -> float:
    """Operations a second of one product of two square matrices, the fastest of some."""
    request = compiled_product(precision, threads).create_infer_request()
    data = _matrix()
    times = []
    for _ in range(_RUNS + 2):
        began = time.perf_counter()
        request.infer([data], share_inputs=True, share_outputs=True)
        times.append(time.perf_counter() - began)
    return 2.0 * _SIDE**3 / min(times[2:])


def compiled_product(precision: str, threads: int) -> Any:
    """The product whose time is taken, as OpenVINO compiled it."""
    openvino = openvino_library()
    ops: Any = openvino.opset13
    left = ops.parameter([_SIDE, _SIDE], np.float32)
    given: Any = left
    right: Any = ops.constant(_matrix().T.copy())
    if precision == "int8":
        # Bytes without a sign by bytes with one and no zero point: what processors multiply, and what OpenVINO makes
        # of the values of a network. Any other pair it computes in float32.
        given = _quantised(ops, given, least=0.0, levels=256)
        right = _quantised(ops, right, least=-_LARGEST, levels=255)
    model = openvino.Model([ops.matmul(given, right, False, True)], [left])
    settings = {
        "INFERENCE_PRECISION_HINT": _PRECISIONS.get(precision, "f32"),
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    return openvino_core().compile_model(model, "CPU", settings)


def _matrix() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((_SIDE, _SIDE)).astype(np.float32)


def _quantised(ops: Any, node: Any, *, least: float, levels: int) -> Any:
    low, high = np.float32(least), np.float32(_LARGEST)
    return ops.fake_quantize(node, low, high, low, high, levels)


def _copy() -> float:
    """Bytes read and written in a second, the fastest of some."""
    source = np.ones(_COPIED_BYTES // 8, np.int64)
    target = np.empty_like(source)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - began)
    return 2.0 * _COPIED_BYTES / min(times[1:])
