"""When the tensorrt engine runs, and what is said when it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import videobert
from videobert.base.errors import EngineUnavailable, MismatchError, UsageError
from videobert.engines import selection
from videobert.engines.base import EngineOptions
from videobert.engines.selection import open_engine
from videobert.engines.tensorrt import engine as engine_module
from videobert.model.folder import ModelFolder
from videobert.pipeline.opened import OpenedModel


@pytest.fixture
def gpu(driver: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake device as the one that is opened."""
    monkeypatch.setattr(engine_module, "open_driver", lambda name: driver)
    return driver


@pytest.fixture
def torch_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch engine that can be opened."""
    real = selection._open

    def opens(name: str, *rest: Any) -> Any:
        return SimpleNamespace(name="torch", fallback="its own") if name == "torch" else real(name, *rest)

    monkeypatch.setattr(selection, "_open", opens)


def opened(folder: ModelFolder, engine: str, device: str) -> Any:
    return open_engine(folder, engine=engine, device=device, options=EngineOptions())


@pytest.mark.parametrize(("engine", "device"), [("tensorrt", "cuda"), ("tensorrt", "auto"), ("auto", "cuda")])
def test_it_runs_where_its_engines_fit(
    engine: str, device: str, library: Any, place: Path, folder: ModelFolder, gpu: Any, torch_runs: None
) -> None:
    found = opened(folder, engine, device)
    assert (found.name, found.fallback) == ("tensorrt", None)
    found.close()
    assert gpu.closed


def test_auto_goes_on_to_torch_and_says_why(
    library: Any, engines: Any, folder: ModelFolder, gpu: Any, torch_runs: None
) -> None:
    found = opened(folder, "auto", "cuda")
    assert found.name == "torch"
    assert "tensorrt: this model has no TensorRT engines" in found.fallback
    assert found.fallback.endswith("; its own")
    engines(version="1.6.0.1")
    assert "tensorrt: this engine is for another version" in opened(folder, "auto", "cuda").fallback
    assert library.deserialised == []


def test_by_name_a_mismatch_is_an_error(library: Any, engines: Any, folder: ModelFolder, gpu: Any) -> None:
    engines(targets=("8.6",))
    with pytest.raises(MismatchError, match="not for this machine's GPU"):
        opened(folder, "tensorrt", "cuda")
    with pytest.raises(UsageError, match="does not run on that device; got cpu; allowed: cuda"):
        opened(folder, "tensorrt", "cpu")


def test_auto_on_no_device_in_particular_stays_on_the_cpu(
    library: Any, place: Path, folder: ModelFolder, gpu: Any
) -> None:
    found = opened(folder, "auto", "auto")
    assert (found.name, found.fallback) == ("openvino", None)
    found.close()
    assert not gpu.calls


def test_a_model_answers_through_it(library: Any, place: Path, folder: ModelFolder, gpu: Any) -> None:
    """Every verb's stages, from a video to tokens, and states."""
    recipe = folder.recipe
    frames = np.random.default_rng(0).integers(0, 256, (45, recipe.crop, recipe.crop, 3), np.uint8)
    video = videobert.FrameArray(frames, np.arange(45) / recipe.fps)
    with videobert.load("shapes", engine="tensorrt", decoder="pyav") as model:
        model.warmup()
        assert model.origin.engine == "tensorrt"
        tokens = model.tokens(video)
        assert len(tokens) >= 1
        assert model.embed(tokens).origin.device == "Fake RTX"
    assert gpu.closed
    assert not gpu.buffers


def test_tokens_come_from_the_engine_only_if_it_offers(folder: ModelFolder) -> None:
    plain = SimpleNamespace(precision="fp32", parallel=1, close=lambda: None)
    stages = OpenedModel(folder, plain, videobert.Limits())  # type: ignore[arg-type]
    assert stages.assign == stages.codebook.assign
    stages.close()


CHILD = """
import sys
for name in ("tensorrt", "tensorrt_rtx", "cuda", "pycuda", "torch"):
    sys.modules[name] = None
import videobert
from videobert.engines.tensorrt import engine
try:
    videobert.load("shapes", engine="tensorrt")
except videobert.EngineUnavailable as error:
    print(error)
with videobert.load("shapes", cache_dir=sys.argv[1]) as model:
    print(model.origin.engine, model.origin.fallback)
"""


def test_without_any_gpu_package_the_cpu_path_is_untouched(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "cache")], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    said, origin = done.stdout.splitlines()
    assert "the tensorrt engine cannot run" in said
    assert "pip install 'videobert[tensorrt-rtx]'" in said
    assert origin == "openvino None"


def test_no_gpu_is_said_before_anything_is_loaded(
    library: Any, place: Path, folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> Any:
        raise EngineUnavailable("no NVIDIA GPU can be used from here")

    monkeypatch.setattr(engine_module, "open_driver", none)
    with pytest.raises(EngineUnavailable, match="no NVIDIA GPU"):
        opened(folder, "tensorrt", "cuda")
    assert library.deserialised == []
