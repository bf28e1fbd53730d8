"""Peers that run a graph or a module: torch eager and compiled, ONNX Runtime, and OpenVINO by its own settings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.peers.case import Absent, Contender, versions
from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core

if TYPE_CHECKING:
    from torch import nn

Arrays = Mapping[str, npt.NDArray[Any]]
Dtype = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One stage of a model, as module and as graph, and what it is asked.

    Args:
        module: in fp32, `eval`; takes the arrays in their order.
        graph: the portable ONNX file.
        feeds: what it is given, a call each; by the graph's names.
        threads: most threads.
    """

    module: nn.Module
    graph: bytes
    feeds: Sequence[Arrays]
    threads: int


def torch_peer(network: Network, dtype: Dtype, *, compiled: bool = False) -> Contender:
    """The module as torch runs it, eagerly or through `torch.compile`."""
    version = versions("torch")
    feeds = [tuple(feed.values()) for feed in network.feeds]
    run, note = torch_runner(network.module, dtype, feeds[0], threads=network.threads, compiled=compiled)
    return Contender(version=version, call=lambda: np.concatenate([run(*feed) for feed in feeds]), note=note)


def torch_runner(
    module: nn.Module, dtype: Dtype, example: Sequence[npt.NDArray[Any]], *, threads: int, compiled: bool = False
) -> tuple[Callable[..., npt.NDArray[Any]], str]:
    """Arrays to the module's output in float32, as a careful user of torch has it on a CPU; and what to say of it.

    Args:
        module: in fp32, `eval`; a copy of it is used.
        example: what it will be given, for a trial.
    """
    import torch

    torch.set_num_threads(threads)
    module = copy.deepcopy(module)
    if any(parameter.dim() == 5 for parameter in module.parameters()):
        # oneDNN's convolutions are made for this order.
        module = module.to(memory_format=torch.channels_last_3d)
    if dtype == "bf16":
        module = module.bfloat16()
    cast = dtype == "bf16" and _lacks_bf16(module, example)
    made = torch.compile(module) if compiled else module

    def run(*arrays: npt.NDArray[Any]) -> npt.NDArray[Any]:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=cast):
            found: npt.NDArray[Any] = made(*map(torch.from_numpy, arrays)).float().numpy()
        return found

    return run, "bf16 but where torch has none" if cast else ""


def _lacks_bf16(module: nn.Module, example: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether torch has no bf16 for one of its operators on a CPU; `autocast` then takes fp32 there."""
    import torch

    try:
        with torch.inference_mode():
            module(*map(torch.from_numpy, example))
    except NotImplementedError:
        return True
    return False


def onnxruntime_peer(network: Network) -> Contender:
    """ONNX Runtime's CPU provider on our portable graph, in fp32."""
    from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

    onnxruntime = onnxruntime_library()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = network.threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(network.graph, options, providers=["CPUExecutionProvider"])

    def call() -> npt.NDArray[Any]:
        return np.concatenate([session.run(None, dict(feed))[0] for feed in network.feeds])

    return Contender(version=versions("onnxruntime"), call=call)


def openvino_peer(network: Network, hint: Literal["LATENCY", "THROUGHPUT"]) -> Contender:
    """OpenVINO as its own benchmark runs a graph: a performance hint, as many asynchronous requests as it asks for."""
    openvino = openvino_library()
    core = openvino_core()
    if not {"BF16"} & set(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")):
        raise Absent("this processor has no bf16 arithmetic")
    model = core.read_model(network.graph)
    first = network.feeds[0]
    # benchmark_app has static shapes too, where it is given a batch.
    model.reshape({name: list(array.shape) for name, array in first.items()})
    settings = {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_PRECISION_HINT": "bf16",
        "INFERENCE_NUM_THREADS": network.threads,
    }
    compiled = core.compile_model(model, "CPU", settings)
    requests = openvino.AsyncInferQueue(compiled, compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    answers: list[Any] = [None] * len(network.feeds)

    def keep(request: Any, place: int) -> None:
        answers[place] = np.array(request.get_output_tensor(0).data)

    requests.set_callback(keep)

    def call() -> npt.NDArray[Any]:
        for place, feed in enumerate(network.feeds):
            requests.start_async(dict(feed), place)
        requests.wait_all()
        return np.concatenate(answers)

    return Contender(version=versions("openvino"), call=call, note=f"{len(requests)} requests")


PEERS = {
    "torch eager, fp32": lambda network: torch_peer(network, "fp32"),
    "torch eager, bf16": lambda network: torch_peer(network, "bf16"),
    "ONNX Runtime, fp32": onnxruntime_peer,
    "OpenVINO, latency, bf16": lambda network: openvino_peer(network, "LATENCY"),
    "OpenVINO, throughput, bf16": lambda network: openvino_peer(network, "THROUGHPUT"),
    "torch.compile, bf16": lambda network: torch_peer(network, "bf16", compiled=True),
    "torch.compile, fp32": lambda network: torch_peer(network, "fp32", compiled=True),
}
