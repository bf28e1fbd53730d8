"""The engine for CPUs: the folder's ONNX graphs, compiled by OpenVINO."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import EngineUnavailable, InputError, ModelError
from videobert.base.native import native_core
from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core
from videobert.base.spans import span
from videobert.engines.base import EngineOptions
from videobert.engines.compiled_cache import CompiledCache
from videobert.engines.external_tensors import check_external
from videobert.engines.mapped_entry import MappedEntry
from videobert.engines.openvino_attention import ATTENTION_FORMAT, simplify_self_attention
from videobert.engines.openvino_int8 import quantise
from videobert.engines.openvino_layout import AS_GIVEN, LAYOUT_FORMAT, Layout, lay_out
from videobert.model.graph_files import portable_graph
from videobert.model.int8_file import int8_model, int8_of_auto
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.known_int8 import known_int8
from videobert.model.stage import Stage, StageSpec
from videobert.model.stage_lists import stage_specs

if TYPE_CHECKING:
    from videobert.model.folder import ModelFolder

# Requests beyond the streams only wait for each other, but each holds its own activations.
_MOST_REQUESTS = 4
# From here on a clip takes tens of milliseconds: those of 30 x 224 x 224 do, those of 30 x 112 x 112 do not.
_LARGE_CLIP_BYTES = 2 << 20
# Kernels that OpenVINO keeps for shapes that it met. By default it keeps 5,000, up to 2 MB for each new shape.
_KEPT_KERNELS = 256
# What OpenVINO calls our precisions.
_HINTS = {"fp32": "f32", "bf16": "bf16", "exact": "bf16"}
_VALUE_BYTES = {"f32": 4, "bf16": 2, "int8": 1}


class OpenVinoEngine:
    """Runs a model folder's graphs on the CPU.

    Args:
        folder: an opened model folder with its graphs.
        options: threads, hint, precision and cache folder.
        int8: ranges of stages that run on 8-bit values; None for those that are known of the model, and in precision
            int8 those of the folder too. Precision auto is int8 for a model that is known to be as right so.

    Raises:
        EngineUnavailable: OpenVINO is not installed, or the CPU lacks the precision asked for.
        ModelError: the precision is int8, and the folder was not made ready for it.
    """

    name = "openvino"
    device = "CPU"

    def __init__(
        self, folder: ModelFolder, options: EngineOptions, int8: Mapping[Stage, Int8Ranges] | None = None
    ) -> None:
        self._core = _core()
        self._folder = folder
        self._options = options
        self._cache = CompiledCache(options.cache_dir)
        self._lock = threading.Lock()
        specs = stage_specs(folder.config, folder.recipe)
        self._specs = {spec.name: spec for spec in specs if not spec.gpu_only}
        self._stages: dict[tuple[Stage, bool], _CompiledStage] = {}
        self._closed = False
        self._arithmetic = _precision(options)
        made = _ready_for_int8(folder, options.precision) if int8 is None else {}
        self.precision = "int8" if made or options.precision == "int8" else self._arithmetic
        if int8 is None:
            int8 = {**_always_int8(folder, options.precision), **made}
        self._int8 = int8
        self.int8_stages = tuple(self._int8)
        self.fallback: str | None = None
        self.parallel = 1
        self.takes_device_arrays = False

    def run(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Engine.run`."""
        (output,) = self.run_all(stage, **inputs).values()
        return output

    def run_in_fp32(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `RunsInFp32.run_in_fp32`."""
        (output,) = self._run(stage, inputs, fp32=True).values()
        return output

    def run_all(self, stage: Stage, **inputs: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """See `Engine.run_all`."""
        return self._run(stage, inputs, fp32=False)

    def _run(self, stage: Stage, inputs: dict[str, npt.NDArray[Any]], *, fp32: bool) -> dict[str, npt.NDArray[Any]]:
        compiled = self._stage(stage, fp32=fp32)
        try:
            return compiled.run(inputs)
        except (RuntimeError, ValueError) as error:  # numpy's, where clips of another shape cannot be laid out
            raise ModelError(
                f"{portable_graph(stage)} cannot be run on these inputs by OpenVINO {_version()}",
                seen=str(error).strip().rsplit("\n", 1)[-1],
                fix="Export the folder again with `videobert build`.",
            ) from error

    def precision_of(self, stage: Stage) -> str:
        """What a stage is computed in: cheap ones stay in fp32, and some are quantised, whatever `precision` says."""
        if stage in self._int8:
            return "int8"
        return "fp32" if self._specs[stage].keeps_fp32 else self._arithmetic

    def int8_ranges(self, stage: Stage) -> Int8Ranges | None:
        """What the products of a stage are quantised by; None of one that is not."""
        return self._int8.get(stage)

    def prepare(self) -> None:
        """See `Engine.prepare`."""
        for stage in self._specs:
            if portable_graph(stage) in self._folder:
                self._stage(stage)

    def close(self) -> None:
        """See `Engine.close`."""
        with self._lock:
            self._closed = True
            self._stages.clear()

    def _stage(self, stage: Stage, *, fp32: bool = False) -> _CompiledStage:
        with self._lock:
            if self._closed:
                raise InputError("this engine is closed", fix="Load the model again.")
            if (stage, fp32) not in self._stages:
                self._stages[stage, fp32] = self._compile(stage, fp32=fp32)
            return self._stages[stage, fp32]

    def _compile(self, stage: Stage, *, fp32: bool) -> _CompiledStage:
        name = portable_graph(stage)
        spec = self._specs.get(stage)
        if spec is None or name not in self._folder:
            raise ModelError(
                f"this model has no {stage}",
                seen=f"no {name}",
                fix="Use a model with that head, or export the folder with `videobert build`.",
            )
        shapes = _shapes(spec)
        settings = self._settings(spec, shapes, fp32=fp32)
        int8 = None if fp32 else self._int8.get(stage)
        key = {
            "graph": self._folder.digest(name),
            "shapes": shapes,
            "settings": settings,
            "int8": None if int8 is None else int8.hash,
            "layout": [LAYOUT_FORMAT, ATTENTION_FORMAT],
            "openvino": _version(),
            "cpu": self._core.get_property("CPU", "FULL_DEVICE_NAME"),
            "features": sorted(name for name, present in cpu_features().items() if present),
        }
        kept = self._cache.mapped(key)
        compiled = None if kept is None else self._imported(kept, settings)
        if compiled is None:
            kept, compiled = None, self._compile_graph(name, shapes, settings, int8)
            self._cache.put(key, compiled.export_model().getvalue())
        streams = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        if spec.one_at_a_time:
            self.parallel = streams
        layout = Layout.of_input(compiled.inputs[0].get_names())
        most_requests = max(streams, 1 if spec.one_at_a_time else _MOST_REQUESTS)
        return _CompiledStage(compiled, _outputs(spec, compiled), most_requests, layout, kept)

    def _imported(self, kept: MappedEntry, settings: dict[str, Any]) -> Any:
        """What was compiled before; None where OpenVINO does not take it."""
        tensor = openvino_library().Tensor(kept.content, shared_memory=True)
        try:
            return self._core.import_model(tensor, "CPU", settings)
        except RuntimeError:
            return None
        finally:
            # What OpenVINO packed for its kernels it does not read from the file again.
            kept.leave_memory()

    def _compile_graph(
        self, name: str, shapes: dict[str, list[int]], settings: dict[str, Any], int8: Int8Ranges | None
    ) -> Any:
        content = self._folder.read(name)
        # OpenVINO would read files that it names, from below the current folder.
        check_external(content, name)
        try:
            model = self._core.read_model(content)
            if shapes:
                model.reshape(shapes)
                lay_out(model, _VALUE_BYTES["int8" if int8 is not None else settings["INFERENCE_PRECISION_HINT"]])
            if int8 is not None:
                quantise(model, int8, name)
            simplify_self_attention(model)
            return self._core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise ModelError(
                f"{name} cannot be compiled by OpenVINO {_version()}",
                seen=str(error).strip().rsplit("\n", 1)[-1],
                fix="Export the folder again with `videobert build`.",
            ) from error

    def _settings(self, spec: StageSpec, shapes: dict[str, list[int]], *, fp32: bool) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS["fp32" if fp32 or spec.keeps_fp32 else self._arithmetic],
            "PERFORMANCE_HINT": self._options.hint.upper(),
        }
        if not shapes:
            settings["CPU_RUNTIME_CACHE_CAPACITY"] = _KEPT_KERNELS
        if self._options.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = self._options.threads
        elif any(math.prod(shape) >= _LARGE_CLIP_BYTES for shape in shapes.values()):
            # Threads that are pinned to processors wait there for a decoder's; those of a small clip are done before.
            settings["ENABLE_CPU_PINNING"] = False
        return settings


# OpenVINO's bindings import numpy's types on their first call, holding a lock of C++ while they let go of Python's: a
# second thread that makes its first call then waits for the one with the other, for ever. One by one they come through.
_FIRST_CALLS = threading.Lock()


class _CompiledStage:
    """A compiled graph and its infer requests: each serves one caller at a time.

    Args:
        outputs: which output of the graph has which name.
        layout: how it takes clips.
        kept: the entry of the cache that the graph's constants lie in, which they do not keep open themselves.
    """

    def __init__(
        self,
        compiled: Any,
        outputs: dict[str, int],
        most_requests: int,
        layout: Layout = AS_GIVEN,
        kept: MappedEntry | None = None,
    ) -> None:
        self._compiled = compiled
        self._kept = kept
        self._outputs = outputs
        self._layout = layout
        self._called = False
        # None stands for a request that is yet to be created; those that were lie on top.
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(most_requests):
            self._idle.put(None)

    def run(self, inputs: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        if self._called:
            return self._infer(inputs)
        with _FIRST_CALLS:
            outputs = self._infer(inputs)
            self._called = True
            return outputs

    def _infer(self, inputs: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        request = self._take()
        try:
            outputs = request.infer(self._layout.inputs(inputs), share_inputs=True, share_outputs=True)
            # The request's memory is overwritten by its next caller.
            with span("copy"):
                return {name: np.array(outputs[index]) for name, index in self._outputs.items()}
        finally:
            self._idle.put(request)

    def _take(self) -> Any:
        request = self._idle.get()
        if request is not None:
            return request
        try:
            return self._compiled.create_infer_request()
        except BaseException as error:
            # The place goes to the next caller, or to one who waits for it already.
            self._idle.put(None)
            if not isinstance(error, RuntimeError):
                raise
            raise EngineUnavailable(
                "OpenVINO has no room for another request", seen=str(error).strip(), fix="Free memory and try again."
            ) from error


def cpu_features() -> dict[str, bool]:
    """Which instruction sets the CPU and the operating system offer; see `csrc/cpu/cpu_features.h`."""
    features: dict[str, bool] = native_core().cpu_features()
    return features


def _precision(options: EngineOptions) -> str:
    native = multiplies_bf16()
    if options.precision in ("auto", "int8"):
        return "bf16" if native else "fp32"
    if options.precision == "exact" and not native:
        return "fp32"
    if options.precision == "bf16" and not native:
        raise EngineUnavailable(
            "this CPU has no bf16 arithmetic",
            seen="bf16",
            allowed="auto, fp32, exact",
            fix='Use precision="auto".',
            fix_cli="Use --precision auto.",
        )
    return options.precision


def multiplies_bf16() -> bool:
    """Whether the CPU multiplies bf16 natively."""
    features = cpu_features()
    return any(features.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def multiplies_int8() -> bool:
    """Whether the CPU sums products of 8-bit values exactly: without these instructions pairs of them overflow."""
    features = cpu_features()
    return any(features.get(name, False) for name in ("avx_vnni", "avx512_vnni", "amx_int8"))


def _always_int8(folder: ModelFolder, precision: str) -> Mapping[Stage, Int8Ranges]:
    """Stages that run on 8-bit values in all precisions but fp32."""
    return known_int8(folder) if precision != "fp32" and multiplies_int8() else {}


def _ready_for_int8(folder: ModelFolder, precision: str) -> Mapping[Stage, Int8Ranges]:
    """Stages that precision int8 adds, asked for by name or by auto."""
    if precision == "int8" and not multiplies_int8():
        raise EngineUnavailable(
            "this CPU has no instructions for exact sums of 8-bit products",
            seen="int8",
            allowed="auto, fp32, exact",
            fix='Use precision="auto".',
            fix_cli="Use --precision auto.",
        )
    if precision == "int8":
        return int8_model(folder).stages
    found = int8_of_auto(folder) if precision == "auto" and multiplies_int8() else None
    return {} if found is None else found.stages


def _outputs(spec: StageSpec, compiled: Any) -> dict[str, int]:
    """Where a graph has each output of its stage; the one of a stage with one may have any name."""
    if len(spec.outputs) == 1:
        return {spec.outputs[0].name: 0}
    found = {name: index for index, port in enumerate(compiled.outputs) for name in port.get_names()}
    if not {tensor.name for tensor in spec.outputs} <= found.keys():
        raise spec.lacks_outputs(found)
    return {tensor.name: found[tensor.name] for tensor in spec.outputs}


def _shapes(spec: StageSpec) -> dict[str, list[int]]:
    """The shapes that a stage is compiled for; none where they depend on the call."""
    if not spec.one_at_a_time:
        return {}
    return {tensor.name: list(tensor.shape_with({spec.batch: 1})) for tensor in spec.inputs}


@cache
def _version() -> str:
    return str(openvino_library().get_version())


def _core() -> Any:
    try:
        return openvino_core()
    except ImportError as error:
        raise EngineUnavailable(
            "the openvino engine cannot run",
            seen=str(error),
            fix="Run `pip install 'openvino>=2026.0'`.",
        ) from error
