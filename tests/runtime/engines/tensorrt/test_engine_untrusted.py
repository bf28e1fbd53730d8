"""Engines that came with somebody else's model folder are code: nothing runs until a person vouches for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import videobert
from videobert.base.errors import UntrustedError
from videobert.engines import selection
from videobert.engines.base import EngineOptions
from videobert.engines.selection import open_engine
from videobert.engines.tensorrt import engine as engine_module
from videobert.engines.tensorrt.engine import TensorRtEngine
from videobert.engines.tensorrt.flavour import CLASSIC
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.serve.triton.plans import plans_of
from videobert.visual.codebook import Codebook


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    """A model folder that was unpacked here, so that its files belong to this user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ModelFolder(shutil.copytree(BUNDLED / "shapes", tmp_path / "downloaded"))


@pytest.fixture
def shipped(engines: Callable[..., Path], folder: ModelFolder) -> Path:
    """Sound engines that fit, built by someone else."""
    place = engines(ours=False)
    assert place.is_relative_to(folder.root)
    return place


def test_asked_for_by_name_they_are_an_error_with_the_next_step(
    library: Any, shipped: Path, folder: ModelFolder, driver: Any
) -> None:
    with pytest.raises(UntrustedError, match=r"not known who built these.*videobert build.*--trust-engines"):
        TensorRtEngine(folder, EngineOptions(), driver)
    assert library.deserialised == []


def test_a_person_can_vouch_for_them(library: Any, shipped: Path, folder: ModelFolder, driver: Any) -> None:
    TensorRtEngine(folder, EngineOptions(trust_engines=True), driver).close()
    assert "backbone" in library.deserialised


def test_whoever_vouches_still_gets_whole_engines_only(
    library: Any, shipped: Path, folder: ModelFolder, driver: Any
) -> None:
    plan = shipped / "encoder.plan"
    plan.write_bytes(plan.read_bytes()[::-1])
    with pytest.raises(videobert.MismatchError, match="not the one that its sidecar describes"):
        TensorRtEngine(folder, EngineOptions(trust_engines=True), driver)
    assert library.deserialised == []


def test_auto_passes_them_over_and_says_why(
    library: Any, shipped: Path, folder: ModelFolder, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = selection._open
    torch_engine = SimpleNamespace(name="torch", fallback=None)
    monkeypatch.setattr(engine_module, "open_driver", lambda name: driver)
    monkeypatch.setattr(selection, "_open", lambda name, *rest: torch_engine if name == "torch" else real(name, *rest))
    opened = open_engine(folder, engine="auto", device="cuda", options=EngineOptions())
    assert opened.name == "torch"
    assert opened.fallback is not None
    assert "tensorrt: compiled engines and kernels are code" in opened.fallback
    assert library.deserialised == []


def test_own_engines_in_the_cache_run_beside_shipped_ones(
    library: Any, engines: Callable[..., Path], folder: ModelFolder, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines(ours=False)
    with monkeypatch.context() as read_only:
        read_only.setattr("os.access", lambda path, mode: "downloaded" not in str(path))
        own = engines(gpu="own")
    assert not own.is_relative_to(folder.root)
    TensorRtEngine(folder, EngineOptions(), driver).close()
    assert "backbone" in library.deserialised


def test_a_rebuild_replaces_them(
    library: Any,
    shipped: Path,
    engines: Callable[..., Path],
    folder: ModelFolder,
    driver: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "build_engines", lambda *_, **options: engines())
    TensorRtEngine(folder, EngineOptions(rebuild_engines=True), driver).close()
    assert "backbone" in library.deserialised


def test_shipped_kernels_are_passed_over_and_that_is_said(
    library: Any, place: Path, folder: ModelFolder, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cubins:
        def __init__(self, *_: Any, trusted: bool) -> None:
            if not trusted:
                raise UntrustedError("it is not known who built these")

        def assign(self) -> None: ...

    monkeypatch.setattr(engine_module, "has_model_kernels", lambda *_: True)
    monkeypatch.setattr(engine_module, "CubinNearest", Cubins)
    codebook = Codebook.load(folder.path("codebook.safetensors"))
    engine = TensorRtEngine(folder, EngineOptions(), driver)
    engine.assigner(codebook)
    assert (engine.tokenisation, engine.fallback) == (
        "engine",
        "compiled kernels: it is not known who built these.",
    )
    engine.close()
    engine = TensorRtEngine(folder, EngineOptions(trust_engines=True), driver)
    engine.assigner(codebook)
    assert (engine.tokenisation, engine.fallback) == ("cubins", None)
    engine.close()


def test_a_model_repository_gets_no_plan_that_nobody_vouches_for(
    make_library: Any, engines: Callable[..., Path], folder: ModelFolder
) -> None:
    make_library(rtx=False)
    assert plans_of(folder) == {}
    engines(rtx=False, ours=False)
    with pytest.raises(UntrustedError, match="--trust-engines"):
        plans_of(folder)
    vouched = plans_of(folder, trusted=True)
    assert vouched["backbone"].content == (folder.root / "engines" / CLASSIC.target / "backbone.plan").read_bytes()
    engines(rtx=False)
    assert plans_of(folder) == vouched
