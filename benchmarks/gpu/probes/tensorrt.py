"""TensorRT and TensorRT-RTX on this GPU: whether they build for it, and whether engines answer as the CPU does."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from typing import Any, Final

from benchmarks.gpu.end_to_end import CLIP, differences, wanted
from benchmarks.gpu.probes.drivers import output
from benchmarks.gpu.probes.product import median_s

# How far scores may be from the CPU's in fp32.
_SCORES: Final = {"fp16": 1e-2, "bf16": 2e-2, "int8": 1e-1, "fp8": 1e-1}


def engines() -> dict[str, Any]:
    """The bundled model in every precision that engines have: the CPU's tokens and answers, then its time."""
    target = "tensorrt-rtx" if importlib.util.find_spec("tensorrt_rtx") else "tensorrt"
    importlib.import_module(target.replace("-", "_"))
    import videobert

    told = wanted(CLIP)
    rows: dict[str, Any] = {"target": target}
    for precision, allowed in _SCORES.items():
        with tempfile.TemporaryDirectory() as place:
            built = f"{place}/model"
            command = ["build", "shapes", "--target", target, "--precision", precision, "--out", built]
            try:
                output([sys.executable, "-m", "videobert", *command])
            except ChildProcessError as error:
                rows[precision] = {"left out": str(error)}
                continue
            with videobert.load(built, engine="tensorrt", device="cuda", precision=precision, decoder="pyav") as ours:
                wrong = differences(ours.run(CLIP), told, allowed)
                row: dict[str, Any] = {"parity": wrong or "good"}
                rows[precision] = row | ({} if wrong else {"run_s": median_s(lambda ours=ours: ours.run(CLIP))})
    return rows


def rtx_here() -> dict[str, Any]:
    """Whether TensorRT-RTX, which lists no compute capability 9.0, builds for this GPU."""
    trt = importlib.import_module("tensorrt_rtx")
    said: list[str] = []

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR, trt.ILogger.WARNING):
                said.append(message)

    builder = trt.Builder(Log())
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    given = network.add_input("given", trt.float16, (16, 16))
    network.mark_output(network.add_activation(given, trt.ActivationType.RELU).get_output(0))
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.CURRENT, 0)
    plan = builder.build_serialized_network(network, config)
    result: dict[str, Any] = {"builds_for_this_gpu": plan is not None, "version": trt.__version__}
    if plan is not None:
        result["deserialises"] = trt.Runtime(Log()).deserialize_cuda_engine(plan) is not None
    return result | {"log": said[-5:]}
