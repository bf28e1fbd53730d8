"""Which decoder reads a video: what is asked for, what can be, and that a fallback is always said."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import videobert
from videobert.base.errors import EngineUnavailable, InputError
from videobert.model.recipe import Recipe
from videobert.video.decoders import available
from videobert.video.decoders.choice import Choice, choose, decoder_for_engine
from videobert.video.open import open_clips

NO_PACKAGE = ("the Python package 'nvidia.dali' is not installed", "pip install 'videobert[dali]'")
NO_GPU = ("there is no NVIDIA driver", "install the NVIDIA driver")


@pytest.fixture
def machine(monkeypatch):
    """Sets what this machine lacks for DALI, on the CPU and on a GPU."""

    def lacks(cpu, cuda):
        def unusable(device):
            return cuda if device == "cuda" else cpu

        monkeypatch.setattr("videobert.video.decoders.choice.unusable", unusable)

    return lacks


@pytest.mark.parametrize(
    ("cpu", "cuda", "decoder", "device", "expected"),
    [
        (None, None, "auto", "cpu", Choice("pyav", "cpu")),
        (None, None, "auto", "cuda", Choice("dali", "cuda")),
        (None, NO_GPU, "auto", "cuda", Choice("pyav", "cpu", f"dali: {NO_GPU[0]}")),
        (NO_PACKAGE, NO_PACKAGE, "auto", "cuda", Choice("pyav", "cpu", f"dali: {NO_PACKAGE[0]}")),
        (NO_PACKAGE, NO_PACKAGE, "auto", "cpu", Choice("pyav", "cpu")),
        (None, NO_GPU, "dali", "cpu", Choice("dali", "cpu")),
        (None, None, "dali", "cuda", Choice("dali", "cuda")),
        (None, None, "pyav", "cuda", Choice("pyav", "cpu")),
    ],
)
def test_choice(machine, cpu, cuda, decoder, device, expected):
    machine(cpu, cuda)
    assert choose(decoder, device) == expected


@pytest.mark.parametrize(
    ("cuda", "decoder", "on_a_card", "expected"),
    [
        (NO_GPU, "auto", False, ("auto", "cpu")),
        (None, "auto", False, ("auto", "cpu")),
        (None, "auto", True, ("auto", "cuda")),
        (NO_GPU, "dali", False, ("dali", "cpu")),
        (None, "dali", False, ("dali", "cuda")),
        (None, "pyav", True, ("pyav", "cpu")),
    ],
)
def test_what_a_loaded_model_asks_for(machine, cuda, decoder, on_a_card, expected):
    machine(None, cuda)
    assert decoder_for_engine(decoder, takes_device_arrays=on_a_card) == expected


def test_asked_for_by_name_a_missing_package_is_an_error(machine, factory, tmp_path):
    machine(NO_PACKAGE, NO_PACKAGE)
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(3))
    for ask in (lambda: open_clips(path, Recipe(), decoder="dali"), lambda: videobert.load("shapes", decoder="dali")):
        with pytest.raises(EngineUnavailable, match="not installed") as caught:
            ask()
        assert "pip install 'videobert[dali]'" in str(caught.value)
        assert caught.value.exit_code == 4
        assert 'decoder="pyav"' in caught.value.fix
        assert "--decoder pyav" in caught.value.fix_cli


def test_the_package_is_looked_for_and_not_loaded(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert available.unusable("cpu") == NO_PACKAGE

    def parent_missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", parent_missing)
    assert available.unusable("cuda") == NO_PACKAGE


def test_a_machine_without_a_driver(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(available.ctypes, "CDLL", _missing)
    available._no_gpu.cache_clear()
    try:
        why, fix = available.unusable("cuda")
    finally:
        available._no_gpu.cache_clear()
    assert "no NVIDIA driver" in why
    assert fix == "install the NVIDIA driver"
    assert available.unusable("cpu") is None


def _missing(name):
    raise OSError(name)


@pytest.mark.parametrize("names", [("ffmpeg", "cpu"), ("auto", "tpu")])
def test_unknown_names(names, factory, tmp_path):
    with pytest.raises(InputError, match="not known"):
        choose(*names)


def test_unknown_decoder_of_a_model():
    with pytest.raises(InputError, match="auto, pyav, dali"):
        videobert.load("shapes", decoder="opencv")


def test_without_being_asked_for_dali_is_never_loaded(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.webm", codec="libvpx-vp9", ticks=range(5))
    code = (
        "import sys; from videobert.model.recipe import Recipe; from videobert.video.open import open_clips\n"
        f"print(len(list(open_clips({str(path)!r}, Recipe()))), 'nvidia' in str(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
