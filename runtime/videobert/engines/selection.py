"""Which engine runs a model: never a silent choice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from videobert.base.arguments import one_of
from videobert.base.cpu_threads import thread_limit
from videobert.base.errors import EngineUnavailable, ModelError, UsageError
from videobert.base.openvino_core import ForkedError
from videobert.engines.base import HINTS, Engine, EngineOptions
from videobert.model.precision import PRECISIONS

if TYPE_CHECKING:
    from videobert.model.folder import ModelFolder

EngineName = Literal["auto", "openvino", "tensorrt", "torch"]
ENGINES = ("auto", "openvino", "tensorrt", "torch")
DEVICES = ("auto", "cpu", "cuda")
# Engines that have no such precision. TensorRT's engines are built in one, and never choose by the clip.
_UNABLE = {"exact": ("tensorrt",), "int8": ("tensorrt", "torch")}
_RUNS_ON = {"openvino": ("cpu",), "tensorrt": ("cuda",), "torch": ("cpu", "cuda")}


def open_engine(folder: ModelFolder, *, engine: str, device: str, options: EngineOptions) -> Engine:
    """The engine asked for, or for `"auto"` the first that can run, with the reason in its `fallback`.

    Args:
        engine: `"auto"`, `"openvino"`, `"tensorrt"` or `"torch"`. Auto means openvino on a CPU; on `"cuda"` tensorrt
            where the model has engines that fit the GPU and the library, else torch.
        device: `"auto"`, `"cpu"` or `"cuda"`. Auto means the CPU, the one device that every install can use, or the GPU
            for an engine asked for by name that runs on nothing else.

    Raises:
        UsageError: an unknown name or option, or an engine that never runs on that device.
        EngineUnavailable: what was asked for cannot run here; the message says what to install.
        ModelError: the engines that were asked for by name are damaged or for another model, GPU or version.
    """
    _check(engine, device, options)
    options = replace(options, threads=thread_limit(options.threads))
    if device == "auto":
        device = "cpu" if engine == "auto" else _RUNS_ON[engine][0]
    order = [name for name in ENGINES[1:] if engine in ("auto", name) and device in _RUNS_ON[name]]
    unable = _UNABLE.get(options.precision, ())
    if order and not (order := [name for name in order if name not in unable]):
        raise UsageError(
            f"this engine, or any on that device, has no precision {options.precision}",
            seen=f"{engine} on {device}",
            allowed="auto, fp32, bf16",
            fix='Use precision="auto", or the engine openvino.',
            fix_cli="Use --precision auto, or --engine openvino.",
        )
    if not order:
        raise UsageError(
            f"the {engine} engine does not run on that device",
            seen=device,
            allowed=", ".join(_RUNS_ON[engine]),
            fix='Choose another device, or engine="auto".',
            fix_cli="Choose another --device, or --engine auto.",
        )
    failures: dict[str, EngineUnavailable | ModelError] = {}
    for name in order:
        try:
            opened = _open(name, folder, device, options)
        except ForkedError:
            raise
        except (EngineUnavailable, ModelError) as error:
            # Engines that do not fit are a reason for the next choice; a model that is damaged is not.
            refused = isinstance(error, EngineUnavailable) or (name == "tensorrt" and engine == "auto")
            if not refused or (name == order[-1] and not failures):
                raise
            failures[name] = error
            continue
        if failures:
            reasons = [f"{name}: {error}" for name, error in failures.items()]
            opened.fallback = "; ".join([*reasons, *([opened.fallback] if opened.fallback else [])])
        return opened
    raise _no_engine(device, failures)


def _no_engine(device: str, failures: dict[str, EngineUnavailable | ModelError]) -> EngineUnavailable:
    seen = "; ".join(
        f"{name}: {error.what}" + (f" ({error.seen})" if error.seen else "") for name, error in failures.items()
    )
    if device == "cuda":
        install = (
            "or install the NVIDIA driver and run `pip install 'videobert[tensorrt-rtx]'`, in a data centre "
            "'videobert[tensorrt]'."
        )
        return EngineUnavailable(
            "no engine can run on cuda here",
            seen=seen,
            fix=f'Use device="cpu", {install}',
            fix_cli=f"Use --device cpu, {install}",
        )
    return EngineUnavailable("no engine can run here", seen=seen, fix="Run `pip install 'openvino>=2026.0'`.")


def _open(name: str, folder: ModelFolder, device: str, options: EngineOptions) -> Engine:
    if name == "openvino":
        from videobert.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(folder, options)
    if name == "tensorrt":
        from videobert.engines.tensorrt.engine import TensorRtEngine

        return TensorRtEngine(folder, options)
    from videobert.engines.torch_engine import TorchEngine

    return TorchEngine(folder, device, options)


def _check(engine: str, device: str, options: EngineOptions) -> None:
    for name, value, allowed in (
        ("engine", engine, ENGINES),
        ("device", device, DEVICES),
        ("hint", options.hint, HINTS),
        ("precision", options.precision, PRECISIONS),
    ):
        one_of(name, value, allowed)
