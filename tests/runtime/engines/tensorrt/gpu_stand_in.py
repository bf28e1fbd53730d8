"""A TensorRT-RTX over a device that is not there: specified by the real bindings, it computes something simple."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.code_trust import remember_build
from videobert.base.errors import EngineUnavailable
from videobert.engines.base import EngineOptions
from videobert.engines.tensorrt.engine import TensorRtEngine
from videobert.engines.tensorrt.flavour import FLAVOURS, Flavour
from videobert.engines.tensorrt.plan_sidecar import PlanRecipe, PlanSidecar
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.engines.tensorrt.runnable_engines import BACKBONE
from videobert.model.compiled_places import folder_for_building
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import stages_of

VERSION = "1.7.1.116"
TARGETS = ("8.6", "8.9", "12.0")
MASK = 0b011100
SCRATCH = 4096


def compute(stage: str, given: dict[str, npt.NDArray[Any]], outputs: dict[str, npt.NDArray[Any]]) -> None:
    """What the stages of the fake do: simple, and different for every row and place."""
    if stage == "backbone":
        outputs["features"][...] = given["clips"].reshape(len(given["clips"]), -1).astype(np.float64).mean(1)[:, None]
    elif stage == "encoder":
        length = given["ids"].shape[1]
        # Padding must not be read; a row without keys would be a division by nothing.
        assert (given["lengths"] >= 1).all()
        keep = np.arange(length) < given["lengths"][:, None]
        mean = (given["ids"] * keep).sum(1) / given["lengths"]
        outputs["states"][...] = (given["ids"] + mean[:, None] + given["segments"] / 2)[..., None]
    elif stage == "nearest":
        scores = given["squares"] - 2 * given["features"] @ given["centroids"].T
        outputs["ids"][...] = np.argsort(scores, axis=1, kind="stable")[:, : outputs["ids"].shape[1]]
        outputs["scores"][...] = np.take_along_axis(scores, outputs["ids"], axis=1)
    else:
        (result,) = outputs.values()
        result.reshape(len(result), -1)[...] = given["states"].sum(axis=1, keepdims=True)


def outputs_of(stage: str, folder: ModelFolder) -> dict[str, tuple[str, tuple[int, ...]]]:
    config = folder.config
    return {
        "backbone": {"features": ("FLOAT", (-1, config.backbone.feature_dim))},
        "nearest": {"scores": ("FLOAT", (-1, 8)), "ids": ("INT64", (-1, 8))},
        "encoder": {"states": ("FLOAT", (-1, -1, config.encoder.width))},
        "text_head": {"logits": ("FLOAT", (-1, config.words))},
        "visual_head": {"logits": ("FLOAT", (-1, config.visual_tokens))},
        "alignment_head": {"logits": ("FLOAT", (-1,))},
    }[stage]


KINDS = {"clips": "UINT8", "ids": "INT64", "segments": "INT64", "lengths": "INT64"}


class Library:
    """`tensorrt_rtx`, or `tensorrt` where `rtx` is false, over the fake device. Its objects have the real names."""

    def __init__(self, real: Any, driver: Any, folder: ModelFolder, *, rtx: bool = True) -> None:
        self.real, self.driver, self.folder, self.rtx = real, driver, folder, rtx
        self.deserialised: list[str] = []
        self.calls: list[str] = []
        self.caches: list[Any] = []
        self.configs: list[Any] = []
        self.refuse_shape = self.refuse_execution = self.refuse_plan = False
        self.before_execution: Callable[[], None] = lambda: None
        names = ["TensorLocation", "TensorIOMode", "ExecutionContextAllocationStrategy"]
        names += ["CudaGraphStrategy", "DynamicShapesKernelSpecializationStrategy"] if rtx else []
        self.module = SimpleNamespace(
            Runtime=self.runtime,
            Logger=create_autospec(real.Logger, ERROR=1),
            **{name: getattr(real, name) for name in names},
        )

    def runtime(self, logger: Any) -> Any:
        runtime = create_autospec(self.real.Runtime, instance=True, spec_set=True)
        runtime.deserialize_cuda_engine.side_effect = self.deserialise
        return runtime

    def deserialise(self, plan: bytes) -> Any:
        assert self.driver.depth, "the context must be current"
        stage = json.loads(plan[64:])["stage"]
        self.deserialised.append(stage)
        return None if self.refuse_plan else self.engine(stage)

    def engine(self, stage: str) -> Any:
        real = self.real
        profiles = profiles_of(stage, self.folder.config, self.folder.recipe)
        outputs = outputs_of(stage, self.folder)
        inputs = {
            name: tuple(-1 if least[axis] != most[axis] else most[axis] for axis in range(len(most)))
            for name, (least, _, most) in profiles[-1].inputs.items()
        }
        if stage == "encoder":
            inputs |= {"ids": (-1, -1), "segments": (-1, -1)}
        names = [*inputs, *outputs]
        kinds = {name: KINDS.get(name, "FLOAT") for name in inputs} | {n: k for n, (k, _) in outputs.items()}
        shapes = inputs | {name: shape for name, (_, shape) in outputs.items()}
        mode = real.TensorIOMode
        engine = create_autospec(real.ICudaEngine, instance=True, spec_set=True)
        engine.num_io_tensors, engine.num_optimization_profiles = len(names), len(profiles)
        engine.device_memory_size_v2 = SCRATCH + len(stage)
        engine.get_tensor_name.side_effect = names.__getitem__
        engine.get_tensor_dtype.side_effect = lambda name: getattr(real.DataType, kinds[name])
        engine.get_tensor_location.return_value = real.TensorLocation.DEVICE
        engine.get_tensor_shape.side_effect = shapes.__getitem__
        engine.get_tensor_mode.side_effect = lambda name: mode.INPUT if name in inputs else mode.OUTPUT
        engine.get_tensor_profile_shape.side_effect = lambda name, index: list(profiles[index].inputs[name])
        engine.create_runtime_config.side_effect = self.config
        engine.create_execution_context.side_effect = lambda config: self.context(stage, outputs, kinds)
        return engine

    def config(self) -> Any:
        config = create_autospec(self.real.IRuntimeConfig, instance=True, spec_set=True)
        config.create_runtime_cache.side_effect = self.cache
        self.configs.append(config)
        return config

    def cache(self) -> Any:
        cache = create_autospec(self.real.IRuntimeCache, instance=True, spec_set=True)
        cache.deserialize.side_effect = lambda blob: blob == b"compiled"
        cache.serialize.return_value = b"compiled"
        self.caches.append(cache)
        return cache

    def context(self, stage: str, outputs: dict[str, Any], kinds: dict[str, str]) -> Any:
        shapes: dict[str, tuple[int, ...]] = {}
        addresses: dict[str, int] = {}
        scratch: list[int] = []

        def shape_of(name: str) -> tuple[int, ...]:
            if name in shapes:
                return shapes[name]
            given = shapes["ids" if stage == "encoder" else next(iter(shapes))]
            kept = outputs[name][1]
            return tuple(given[axis] if size < 0 else size for axis, size in enumerate(kept))

        def set_shape(name: str, shape: tuple[int, ...]) -> bool:
            self.calls.append("set_input_shape")
            shapes[name] = shape
            return not self.refuse_shape

        def set_address(name: str, address: int) -> bool:
            self.calls.append("set_tensor_address")
            addresses[name] = address
            return address in self.driver.buffers

        def memory(name: str) -> npt.NDArray[Any]:
            dtype = np.dtype(self.real.nptype(getattr(self.real.DataType, kinds[name])))
            shape = shape_of(name)
            size = int(np.prod(shape)) * dtype.itemsize
            return self.driver.buffers[addresses[name]].memory[:size].view(dtype).reshape(shape)

        def execute(handle: int) -> bool:
            assert self.driver.depth, "the context must be current"
            assert handle == self.driver.stream().handle
            assert scratch
            assert scratch[0] in self.driver.buffers
            if self.driver.remember:
                self.calls.append(f"execute {stage}")
                self.driver.call("execute")
            self.before_execution()
            if self.refuse_execution:
                return False
            compute(stage, {name: memory(name) for name in shapes}, {name: memory(name) for name in outputs})
            return True

        context = create_autospec(self.real.IExecutionContext, instance=True, spec_set=True)
        context.set_input_shape.side_effect = set_shape
        context.infer_shapes.return_value = []
        context.get_tensor_shape.side_effect = shape_of
        context.set_tensor_address.side_effect = set_address
        context.set_device_memory.side_effect = lambda address, size: scratch.append(address)
        context.set_optimization_profile_async.return_value = True
        # Mocks keep every call; the requests that are counted must not grow with that.
        context.execute_async_v3 = execute
        return context


def plan_of(stage: str, *, version: str = VERSION, mask: int = MASK) -> bytes:
    body = json.dumps({"stage": stage}).encode()
    head = bytearray(64)
    head[:4], head[24:28] = b"vtrt", bytes(int(part) for part in version.split("."))
    struct.pack_into("<Q", head, 16, 64 + len(body))
    struct.pack_into("<I", head, 32, mask)
    return bytes(head) + body


def write_engines(folder: ModelFolder, flavour: Flavour, *, ours: bool = True, **changes: Any) -> Path:
    """Plans and sidecars of all stages, where a build puts them; `changes` are to the recipes.

    With `ours` they are this user's own build.
    """
    place = folder_for_building(folder, flavour.target)
    place.mkdir(parents=True, exist_ok=True)
    for stage in stages_of(folder.config):
        graph = next(name for name in folder.names() if name.startswith(f"graphs/{stage}."))
        recipe = PlanRecipe(
            stage=stage,
            target=flavour.target,
            precision="fp32" if stage == "nearest" else "fp16",
            graph=folder.digest(graph),
            weights=folder.digest(graph),
            library=flavour.module,
            version=VERSION,
            targets=TARGETS if flavour.lists_targets else (),
            gpu="" if flavour.lists_targets else "Fake RTX 8.9",
            attention="lengths",
            profiles=profiles_of(stage, folder.config, folder.recipe),
        )
        recipe = replace(recipe, **{name: value for name, value in changes.items() if name != "plan_version"})
        plan = plan_of(stage, version=changes.get("plan_version", VERSION))
        sidecar = PlanSidecar(
            recipe=recipe.to_json(),
            sha256=hashlib.sha256(plan).hexdigest(),
            size_bytes=len(plan),
            fusion=None,
            expected_attention=0,
            build_s=1.0,
            peak_memory_bytes=1,
        )
        for path, content in ((place / f"{stage}.plan", plan), (place / f"{stage}.json", sidecar.to_bytes())):
            path.write_bytes(content)
            path.chmod(0o644)
        if ours:
            remember_build(sidecar.digest)
    return place


@pytest.fixture(scope="session")
def real() -> Any:
    """The bindings that the fake library is specified by."""
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("TensorRT-RTX is not installed")
    return importlib.import_module("tensorrt_rtx")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    """The bundled model, and a cache of its own to put engines in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ModelFolder("shapes")


@pytest.fixture
def make_library(
    real: Any, driver: Any, folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Library]:
    """Puts a fake library in the place of the installed one; its name and version are those of the real one."""

    def make(*, rtx: bool = True) -> Library:
        library = Library(real, driver, folder, rtx=rtx)
        kept = FLAVOURS["tensorrt-rtx" if rtx else "tensorrt"]

        def version(self: Flavour) -> str:
            if self != kept:
                raise EngineUnavailable("not installed")
            return VERSION

        monkeypatch.setattr(Flavour, "version", version)
        monkeypatch.setattr(Flavour, "load", lambda self: library.module)
        return library

    return make


@pytest.fixture
def library(make_library: Callable[..., Library]) -> Library:
    return make_library()


@pytest.fixture
def engines(folder: ModelFolder) -> Callable[..., Path]:
    """Writes engines: `engines(rtx=True, **changes)`."""

    def write(*, rtx: bool = True, **changes: Any) -> Path:
        return write_engines(folder, FLAVOURS["tensorrt-rtx" if rtx else "tensorrt"], **changes)

    return write


@pytest.fixture
def place(engines: Callable[..., Path]) -> Path:
    """Sound engines for TensorRT-RTX."""
    found = engines()
    assert (found / f"{BACKBONE}.plan").exists()
    return found


@pytest.fixture
def open_engine(folder: ModelFolder, driver: Any, tmp_path: Path) -> Iterator[Callable[..., TensorRtEngine]]:
    opened: list[TensorRtEngine] = []

    def open_it(**changes: Any) -> TensorRtEngine:
        options = EngineOptions(**({"cache_dir": tmp_path / "compiled"} | changes))
        opened.append(TensorRtEngine(folder, options, driver))
        return opened[-1]

    yield open_it
    for engine in opened:
        engine.close()
    assert not driver.depth


def _encoder_inputs(rows: int, length: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, length + 1, rows)
    lengths[0] = length
    ids = generator.integers(0, 50, (rows, length))
    return {"ids": ids, "segments": ids % 2, "lengths": lengths}


def _expected_states(inputs: dict[str, np.ndarray]) -> np.ndarray:
    keep = np.arange(inputs["ids"].shape[1]) < inputs["lengths"][:, None]
    mean = (inputs["ids"] * keep).sum(1) / inputs["lengths"]
    return (inputs["ids"] + mean[:, None] + inputs["segments"] / 2).astype(np.float32)


@pytest.fixture
def encoder_inputs() -> Callable[..., dict[str, npt.NDArray[Any]]]:
    """Makes a request: `encoder_inputs(rows, length, seed=0)`."""
    return _encoder_inputs


@pytest.fixture
def expected_states() -> Callable[[dict[str, npt.NDArray[Any]]], npt.NDArray[Any]]:
    """What the fake encoder answers to a request, each value once."""
    return _expected_states
