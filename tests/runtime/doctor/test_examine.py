"""The doctor says what is there, what cannot run and what fixes it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from videobert.doctor import examine, probes
from videobert.results.diagnosis import Ability, Diagnosis, Package

RUN_SIDE = ["av", "openvino", "tokenizers", "safetensors", "rich", "typer"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home folder for the process that examines."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def examined(home: Path) -> tuple[Diagnosis, set[str]]:
    """The diagnosis of this machine, and the top-level modules in memory of the process that made it."""
    code = (
        "import json, sys; from videobert.doctor.examine import examine; "
        "from videobert.results.as_json import to_json; "
        "print(json.dumps([to_json(examine()), sorted({n.split('.')[0] for n in sys.modules})]))"
    )
    # Hardly anything in the environment: CI switches telemetry off.
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    fields, modules = json.loads(done.stdout)
    fields["packages"] = tuple(Package(**package) for package in fields["packages"])
    fields["abilities"] = tuple(Ability(**ability) for ability in fields["abilities"])
    return Diagnosis(**fields), set(modules)


@pytest.fixture
def diagnosis(examined: tuple[Diagnosis, set[str]]) -> Diagnosis:
    return examined[0]


def ability(diagnosis: Diagnosis, name: str) -> Ability:
    (only,) = [ability for ability in diagnosis.abilities if ability.name == name]
    return only


def test_a_whole_install_is_ready(diagnosis: Diagnosis) -> None:
    assert diagnosis.ready
    for name in ("openvino", "pyav", "videobert._native"):
        assert ability(diagnosis, name).works
        assert ability(diagnosis, name).fix is None
    assert "h264" in ability(diagnosis, "pyav").detail
    assert "CPU" in ability(diagnosis, "openvino").detail
    assert diagnosis.cores >= 1
    assert diagnosis.cpu_features is not None
    versions = {package.name: package.version for package in diagnosis.packages}
    assert all(versions[name] for name in RUN_SIDE)


def test_examining_leaves_nothing_at_home(diagnosis: Diagnosis, home: Path) -> None:
    """What OpenVINO's telemetry writes there."""
    assert ability(diagnosis, "openvino").works
    assert list(home.iterdir()) == []


def test_examining_imports_no_heavy_library(examined: tuple[Diagnosis, set[str]]) -> None:
    assert not examined[1] & {
        "av",
        "openvino",
        "torch",
        "onnx",
        "onnxruntime",
        "sklearn",
        "cv2",
        "faiss",
        "opentimelineio",
    }


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [
        ("openvino", "openvino", "pip install openvino"),
        ("torch", "torch", "pip install 'videobert[build]'"),
        ("av", "pyav", "pip install av"),
        ("faiss", "search", "pip install 'videobert[search]'"),
        ("opentimelineio", "edit", "pip install 'videobert[edit]'"),
    ],
)
def test_a_package_that_is_missing_names_its_command(
    module: str, name: str, command: str, hide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "tried", lambda *codes: [{"version": "1", "devices": ["CPU"]} for _ in codes])
    hide(module)
    diagnosis = examine.examine()
    found = ability(diagnosis, name)
    assert not found.works
    assert module in found.detail
    assert found.fix == command
    assert {package.name: package.version for package in diagnosis.packages}[module] is None
    # torch runs what OpenVINO cannot; nothing decodes in place of PyAV.
    assert diagnosis.ready == (module != "av")


def test_what_loads_the_same_library_shares_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading torch or DALI takes seconds: each at most once for all that is asked of it."""
    ran: list[str] = []
    run = subprocess.run

    def counted(command: list[str], **options: Any) -> Any:
        if command[0] == sys.executable:
            ran.append(command[-1])
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    monkeypatch.setattr(probes, "unusable", lambda device: ("no GPU", "buy one") if device == "cuda" else None)
    examine.examine()
    for names in (("import torch", "videobert_kernels"), ("nvidia.dali", "tritonclient"), ("openvino_library()",)):
        assert sum(any(name in code for name in names) for code in ran) <= 1
    assert 1 <= len(ran) <= 8


def test_no_fix_says_twice_that_it_is_one(diagnosis: Diagnosis) -> None:
    assert not [ability.fix for ability in diagnosis.abilities if ability.fix and "nstall it: pip" in ability.fix]


def test_dali_alone_makes_no_machine_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "tried", lambda *codes: [{"version": "1", "devices": ["CPU"]} for _ in codes])
    dali = Ability(name="dali", kind="decoder", works=True, detail="")
    monkeypatch.setattr(examine, "probe_dali_and_server", lambda: [dali])
    monkeypatch.setattr(examine, "probe_pyav", lambda: [Ability(name="pyav", kind="decoder", works=False, detail="")])
    assert not examine.examine().ready


def test_extras_of_verbs_that_are_installed_say_what_they_are_for(diagnosis: Diagnosis) -> None:
    for name, package, word in (("search", "faiss", "index"), ("edit", "opentimelineio", "OpenTimelineIO")):
        found = ability(diagnosis, name)
        assert (found.kind, found.works) == ("extra", importlib.util.find_spec(package) is not None)
        assert (word if found.works else package) in found.detail
    assert {"search", "edit"} <= {package.extra for package in diagnosis.packages}


def test_targets_that_are_installed_say_what_they_build(diagnosis: Diagnosis) -> None:
    for name, package, word in (("cuda-smNN", "triton", "cuda-sm90"), ("triton-server", "tritonclient", "repository")):
        if importlib.util.find_spec(package):
            assert word in ability(diagnosis, name).detail
