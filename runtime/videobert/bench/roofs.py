"""What a machine reaches in plain work: a matrix product in each precision, and a copy."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from videobert.base.cpu_threads import thread_count
from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core
from videobert.results.bench import Roofs

# Large enough that starting it costs nothing, small enough for a tenth of a second: 2.1 GFLOP.
_SIDE = 1024
# More than any cache holds.
_COPIED_BYTES = 1 << 28
_RUNS = 8
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
    openvino = openvino_library()
    ops: Any = openvino.opset13
    left = ops.parameter([_SIDE, _SIDE], np.float32)
    weights = np.random.default_rng(0).standard_normal((_SIDE, _SIDE)).astype(np.float32)
    right: Any = ops.constant(weights)
    given: Any = left
    if precision == "int8":
        given, right = _quantised(ops, given), _quantised(ops, right)
    model = openvino.Model([ops.matmul(given, right, False, True)], [left])
    settings = {
        "INFERENCE_PRECISION_HINT": _PRECISIONS.get(precision, "f32"),
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    request = openvino_core().compile_model(model, "CPU", settings).create_infer_request()
    data = weights.T.copy()
    times = []
    for _ in range(_RUNS + 2):
        began = time.perf_counter()
        request.infer([data], share_inputs=True, share_outputs=True)
        times.append(time.perf_counter() - began)
    return 2.0 * _SIDE**3 / min(times[2:])


def _quantised(ops: Any, node: Any) -> Any:
    bound = np.float32(4.0)
    return ops.fake_quantize(node, -bound, bound, -bound, bound, 256)


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
