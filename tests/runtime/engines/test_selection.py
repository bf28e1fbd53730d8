"""Which engine is chosen, and what is said when one cannot run."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from videobert.base import openvino_core
from videobert.base.errors import EngineUnavailable, InputError, UsageError
from videobert.engines import selection
from videobert.engines.base import Engine, EngineOptions
from videobert.model.folder import ModelFolder


@pytest.fixture(scope="module")
def folder(model_folder: Path) -> ModelFolder:
    return ModelFolder(model_folder)


def options(cache_dir: Path, **changes: Any) -> EngineOptions:
    return EngineOptions(**({"cache_dir": cache_dir, "precision": "fp32"} | changes))


def opened(folder: ModelFolder, cache_dir: Path, engine: str = "auto", device: str = "auto") -> Engine:
    return selection.open_engine(folder, engine=engine, device=device, options=options(cache_dir))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes packages unimportable."""
    real = builtins.__import__

    def hide(*names: str) -> None:
        def guarded(name: str, *rest: Any, **more: Any) -> Any:
            if name.split(".")[0] in names:
                raise ImportError(f"No module named {name!r}")
            return real(name, *rest, **more)

        monkeypatch.setattr(openvino_core, "_core", None)  # set aside, never let go: it is the one of this process
        monkeypatch.setattr(builtins, "__import__", guarded)

    return hide


def test_auto_is_openvino_on_the_cpu(folder: ModelFolder, cache_dir: Path) -> None:
    engine = opened(folder, cache_dir)
    assert (engine.name, engine.device, engine.fallback) == ("openvino", "CPU", None)


@pytest.mark.modeling
def test_auto_falls_back_and_says_why(folder: ModelFolder, cache_dir: Path, without: Any) -> None:
    without("openvino")
    engine = opened(folder, cache_dir)
    assert engine.name == "torch"
    assert engine.fallback is not None
    assert "No module named 'openvino'" in engine.fallback


def test_an_engine_asked_for_by_name_that_cannot_run_says_what_to_install(
    folder: ModelFolder, cache_dir: Path, without: Any
) -> None:
    without("openvino", "torch")
    with pytest.raises(EngineUnavailable, match="pip install 'openvino"):
        opened(folder, cache_dir, "openvino")
    with pytest.raises(EngineUnavailable, match=r"pip install 'videobert\[build\]'"):
        opened(folder, cache_dir, "torch")
    with pytest.raises(EngineUnavailable, match="no engine can run"):
        opened(folder, cache_dir)


def test_a_device_that_an_engine_does_not_run_on_is_refused(folder: ModelFolder, cache_dir: Path) -> None:
    with pytest.raises(UsageError, match="cpu"):
        opened(folder, cache_dir, "openvino", "cuda")


def test_without_a_gpu_each_engine_gives_one_short_reason(
    folder: ModelFolder, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, *_: Any) -> Any:
        raise EngineUnavailable(f"{name} sees no GPU", seen="driver 0", fix=f"Install {name}.")

    monkeypatch.setattr(selection, "_open", refuse)
    with pytest.raises(EngineUnavailable) as caught:
        opened(folder, cache_dir, "auto", "cuda")
    assert caught.value.seen == ("tensorrt: tensorrt sees no GPU (driver 0); torch: torch sees no GPU (driver 0)")
    assert 'device="cpu"' in str(caught.value)
    assert "--device cpu" in str(caught.value.fix_cli)
    for fix in (caught.value.fix, caught.value.fix_cli):
        assert "videobert[tensorrt-rtx]" in str(fix)
        assert "openvino" not in str(fix)


def test_names_that_are_not_known_are_input_errors(folder: ModelFolder, cache_dir: Path) -> None:
    for arguments in (("tensorflow",), ("auto", "tpu")):
        with pytest.raises(InputError, match="not known"):
            opened(folder, cache_dir, *arguments)
    for change in ({"hint": "fast"}, {"precision": "int4"}, {"threads": 0}, {"threads": True}):
        with pytest.raises(InputError):
            selection.open_engine(folder, engine="auto", device="auto", options=options(cache_dir, **change))
