"""Which path the native core takes: VIDEOBERT_CPU is read in one place, and every part of the core follows it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from videobert import _native
from videobert.base.cpu_path import cpu_path
from videobert.base.errors import EngineUnavailable
from videobert.base.native import native_core
from videobert.model.recipe import Recipe
from videobert.video.picture.transform import PictureTransform
from videobert.visual.nearest import nearest

AVAILABLE = _native.cpu_paths()


def test_a_path_that_is_unknown_or_cannot_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOBERT_CPU", "sse9")
    with pytest.raises(EngineUnavailable, match=r"not known; got sse9; allowed: .*scalar"):
        cpu_path()
    for name in {"scalar", "avx2", "avx512", "amx"} - set(AVAILABLE):
        with pytest.raises(EngineUnavailable, match="cannot run on this machine"):
            cpu_path(name)
    monkeypatch.setenv("VIDEOBERT_CPU", "")
    assert cpu_path() == AVAILABLE[-1]


def test_without_the_kernel_s_consent_amx_is_not_used() -> None:
    """In a process that no other library has asked for tile state before."""
    code = (
        "import json, sys; from videobert import _native; paths = _native.cpu_paths(); "
        "features = _native.cpu_features(); "
        "print(json.dumps([paths, features, [m for m in ('torch', 'openvino') if m in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    paths, features, others = json.loads(done.stdout)
    assert others == []
    if not features["amx_int8"]:
        assert "amx" not in paths
        with pytest.raises(EngineUnavailable, match="cannot run"):
            cpu_path("amx")
    expected = [name for name, feature in (("avx2", "avx2"), ("avx512", "avx512bw")) if features[feature]]
    assert [name for name in paths if name != "amx"] == ["scalar", *expected]


def transformed() -> None:
    PictureTransform(Recipe(), 8192)(np.zeros((8, 8, 3), np.uint8))


def searched() -> None:
    nearest(np.zeros((1, 2), np.float32), np.ones((3, 2), np.float32))


@pytest.mark.parametrize("use", [cpu_path, transformed, searched])
def test_a_wrong_word_is_told_alike_by_all_that_follow_it(
    use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEOBERT_CPU", "sse")
    with pytest.raises(EngineUnavailable) as told:
        use()
    error = told.value
    assert (error.what, error.seen, error.allowed) == ("the CPU path is not known", "sse", ", ".join(AVAILABLE))
    assert error.fix == "Unset VIDEOBERT_CPU to have the widest one chosen."


def test_what_is_asked_for_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOBERT_CPU", "sse")
    for path in AVAILABLE:
        assert cpu_path(path) == path


def test_the_core_says_why_and_of_which_word() -> None:
    with pytest.raises(_native.CpuPathRefused) as told:
        _native.nearest_kernel("AVX2")
    assert told.value.args == ("the CPU path is not known", "AVX2")
    assert isinstance(told.value, ValueError)


def test_a_core_that_cannot_be_loaded_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "videobert._native", None)
    monkeypatch.delattr("videobert._native")
    with pytest.raises(EngineUnavailable, match="the native part of videobert cannot be loaded"):
        native_core()
