"""The engine for NVIDIA GPUs without torch: plans that `videobert build` wrote, run without torch.

No plan has ever been run by this project: there was no GPU that TensorRT-RTX supports, and no TensorRT. What holds is
in docs/gpu.md.
"""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import (
    DeviceError,
    EngineUnavailable,
    InputError,
    MismatchError,
    ModelError,
    UntrustedError,
)
from videobert.cuda.choice import open_driver
from videobert.cuda.compute_capability import dotted
from videobert.cuda.device_array import view_of
from videobert.cuda.driver import CudaDriver
from videobert.engines.base import Assign, EngineOptions
from videobert.engines.compiled_cache import CompiledCache
from videobert.engines.tensorrt.build.engine_folder import build_engines
from videobert.engines.tensorrt.build.targets import CAPABILITIES
from videobert.engines.tensorrt.executor.runtime_cache import RuntimeCache
from videobert.engines.tensorrt.executor.session import Session
from videobert.engines.tensorrt.executor.stage import StageExecutor
from videobert.engines.tensorrt.flavour import CLASSIC, RTX, installed_flavours
from videobert.engines.tensorrt.model_kernels import has_model_kernels
from videobert.engines.tensorrt.nearest_on_gpu import CubinNearest, ExactNearest
from videobert.engines.tensorrt.runnable_engines import RunnableEngines, find_engines
from videobert.model.compiled_places import folder_for_building
from videobert.model.folder import ModelFolder
from videobert.model.stage import Stage
from videobert.model.stage_lists import NEAREST, stage_specs
from videobert.visual.codebook import Codebook


class TensorRtEngine:
    """Runs the engines of a model folder on an NVIDIA GPU, with TensorRT-RTX or TensorRT.

    Plans are checked whole before any is deserialised. Device memory, pinned memory and graphs are made in `prepare`.
    Calls from several threads take turns: there is one GPU.

    Args:
        folder: an opened model folder.
        options: `precision` must be what was built, or `"auto"`; `rebuild_engines` builds what is missing, does not
            fit or was built by someone else, whom `trust_engines` vouches for; `cuda` names the back end. Threads and
            hint say nothing here.
        driver: the device; None opens one, which `close` then closes.

    Attributes:
        backend: which CUDA back end is in use.
        graphs: `"library"` where TensorRT-RTX captures its own, `"captured"` by the driver, or `"none"`.
        tokenisation: `"cubins"`, `"engine"` or `"host"`: what finds the nearest centroid, exactly in every case. None
            before `assigner`.

    Raises:
        EngineUnavailable: the library, a GPU or the engines are missing; says the command.
        UntrustedError: this user did not build the engines.
        MismatchError: the engines are damaged, or for another model, precision, version or GPU.
        ModelError: others could have changed an engine, or the library refuses it.
    """

    name = "tensorrt"

    def __init__(self, folder: ModelFolder, options: EngineOptions, driver: CudaDriver | None = None) -> None:
        versions = installed_flavours()
        self._folder, self._lock = folder, threading.Lock()
        self._trusted = options.trust_engines
        self._threads = options.threads
        self._owns_driver = driver is None
        self._driver = open_driver(options.cuda) if driver is None else driver
        self._stages: dict[str, StageExecutor] = {}
        self._session: Session | None = None
        self._prepared = self._closed = False
        try:
            found = _fitting(folder, self._driver, versions, options)
            self._open(found, options)
        except BaseException:
            self.close()
            raise
        self.device = self._driver.device_name
        self.precision = found.precision
        self.fallback: str | None = None
        self.parallel = 1
        self.takes_device_arrays = True
        self.backend = self._driver.name
        captured = "captured" if self._driver.captures else "none"
        self.graphs = "library" if found.flavour.lists_targets else captured
        self.tokenisation: str | None = None

    def run(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]:
        """See `Engine.run`."""
        (output,) = self.run_all(stage, **inputs).values()
        return output

    def run_all(self, stage: Stage, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        """See `Engine.run_all`."""
        # Engines in half precision give their numbers in it.
        return {
            name: output.astype(np.float32, copy=False) if output.dtype.kind == "f" else output
            for name, output in self._outputs(stage, inputs).items()
        }

    def prepare(self) -> None:
        """Make memory and graphs for every stage, and run each once. The first time may compile for minutes."""
        with self._lock:
            self._prepare()

    def assigner(self, codebook: Codebook) -> Assign:
        """What turns features into tokens, as `Codebook.assign` does and with the same answers.

        Compiled kernels that someone else built are passed over, and `fallback` says so.
        """
        if has_model_kernels(self._driver, self._folder):
            try:
                kernels = CubinNearest(self._driver, self._folder, codebook, trusted=self._trusted)
                kernels.threads = self._threads
                self.tokenisation = "cubins"
                return kernels.assign
            except UntrustedError as error:
                self.fallback = "; ".join(filter(None, [self.fallback, f"compiled kernels: {error}"]))
        if NEAREST not in self._stages:
            self.tokenisation = "host"
            return codebook.assign if self._threads is None else partial(codebook.assign, threads=self._threads)
        self.tokenisation = "engine"

        def propose(features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
            found = self._outputs(NEAREST, {"features": features})
            return found["scores"], found["ids"]

        return ExactNearest(propose, codebook, threads=self._threads).assign

    def close(self) -> None:
        """See `Engine.close`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # A device that is lost has lost its memory with it.
            for stage in self._stages.values():
                with contextlib.suppress(DeviceError):
                    stage.close()
            self._stages.clear()
            with contextlib.suppress(DeviceError):
                if self._session is not None:
                    self._session.close()
            with contextlib.suppress(DeviceError):
                if self._owns_driver:
                    self._driver.close()

    def _open(self, found: RunnableEngines, options: EngineOptions) -> None:
        trt = found.flavour.load()
        self._session = session = Session(self._driver, found.flavour, trt)
        store = CompiledCache(options.cache_dir) if found.flavour.lists_targets else None
        specs = {spec.name: spec for spec in stage_specs(self._folder.config, self._folder.recipe)}
        for stage, (plan, sidecar) in found.plans.items():
            # Half precision gives no candidates that could be relied on: the codebook itself is exact.
            if stage == NEAREST and sidecar.recipe["precision"] != "fp32":
                continue
            spec = specs[stage]
            key: dict[str, object] = {
                "version": found.version,
                "gpu": f"{self._driver.device_name} {dotted(self._driver.capability)}",
                "plan": sidecar.sha256,
            }
            self._stages[stage] = StageExecutor(
                session,
                spec,
                plan,
                cache=None if store is None else RuntimeCache(store, key),
                most_rows=1 if spec.one_at_a_time else None,
                fixed=_centroids(self._folder) if stage == NEAREST else None,
            )

    def _prepare(self) -> None:
        if self._closed or self._session is None:
            raise InputError("this engine is closed", fix="Load the model again.")
        if not self._prepared:
            scratch = self._session.scratch(max(stage.scratch_bytes for stage in self._stages.values()))
            for stage in self._stages.values():
                stage.prepare(scratch)
            self._prepared = True

    def _outputs(self, stage: str, inputs: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        with self._lock:
            self._prepare()
            if self._session is None or stage not in self._stages:
                raise ModelError(f"this model has no {stage}", allowed=sorted(self._stages), fix="Use another model.")
            handle = self._session.stream.handle
            given = {
                name: value if isinstance(value, np.ndarray) else view_of(value, handle)
                for name, value in inputs.items()
            }
            return self._stages[stage].run(given)


def _fitting(
    folder: ModelFolder, driver: CudaDriver, versions: dict[str, str], options: EngineOptions
) -> RunnableEngines:
    """Engines that fit, built now if that was asked for."""
    try:
        found = find_engines(folder, driver, versions, trusted=options.trust_engines)
        wanted = options.precision
        if wanted not in ("auto", found.precision):
            raise MismatchError(
                "these engines have another precision",
                seen=found.precision,
                allowed=wanted,
                fix=f'Build them with `--precision {wanted}`, or use precision="auto".',
                fix_cli=f"Build them with `videobert build --precision {wanted}`, or use --precision auto.",
            )
        return found
    except (EngineUnavailable, MismatchError, UntrustedError):
        if not options.rebuild_engines:
            raise
    target, capabilities = _buildable(driver, versions)
    precision = "fp16" if options.precision == "auto" else options.precision
    place = folder_for_building(folder, target)
    build_engines(folder, place, target=target, precision=precision, capabilities=capabilities)
    return find_engines(folder, driver, {target: versions[target]}, trusted=options.trust_engines)


def _buildable(driver: CudaDriver, versions: dict[str, str]) -> tuple[str, tuple[str, ...] | None]:
    capability = dotted(driver.capability)
    if RTX.target in versions and capability in CAPABILITIES:
        return RTX.target, (capability,)
    if CLASSIC.target in versions:
        return CLASSIC.target, None
    raise EngineUnavailable(
        "no library that is installed here builds engines for this GPU",
        seen=f"{driver.device_name}, compute capability {capability}",
        allowed=f"{RTX.module} for {', '.join(CAPABILITIES)}",
        fix=f"Run `pip install 'videobert[{CLASSIC.extra}]'`.",
    )


def _centroids(folder: ModelFolder) -> dict[str, npt.NDArray[Any]]:
    leaves = Codebook.from_bytes(folder.read("codebook.safetensors")).leaves
    squares = (leaves.astype(np.float64) ** 2).sum(axis=1).astype(np.float32)
    return {"centroids": np.ascontiguousarray(leaves, np.float32), "squares": squares}
