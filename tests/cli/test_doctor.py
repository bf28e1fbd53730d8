"""The doctor says what is there, what cannot run and what fixes it, and survives libraries that crash."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from videobert import doctor

RUN_SIDE = ["av", "openvino", "tokenizers", "safetensors", "rich", "typer"]


@pytest.fixture(scope="module")
def examined() -> tuple[doctor.Diagnosis, set[str]]:
    """The diagnosis of this machine, and the top-level modules in memory of the process that made it."""
    code = (
        "import json, sys; from videobert.doctor import examine; from videobert.results import to_json; "
        "print(json.dumps([to_json(examine()), sorted({n.split('.')[0] for n in sys.modules})]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    fields, modules = json.loads(done.stdout)
    fields["packages"] = tuple(doctor.Package(**package) for package in fields["packages"])
    fields["abilities"] = tuple(doctor.Ability(**ability) for ability in fields["abilities"])
    return doctor.Diagnosis(**fields), set(modules)


@pytest.fixture
def diagnosis(examined: tuple[doctor.Diagnosis, set[str]]) -> doctor.Diagnosis:
    return examined[0]


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes modules impossible to find."""
    found = importlib.util.find_spec

    def hidden(*names: str) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else found(name))

    return hidden


def ability(diagnosis: doctor.Diagnosis, name: str) -> doctor.Ability:
    (only,) = [ability for ability in diagnosis.abilities if ability.name == name]
    return only


def test_a_whole_install_is_ready(diagnosis: doctor.Diagnosis) -> None:
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


def test_examining_imports_no_heavy_library(examined: tuple[doctor.Diagnosis, set[str]]) -> None:
    assert not examined[1] & {"av", "openvino", "torch", "onnx", "onnxruntime", "sklearn", "cv2"}


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [
        ("openvino", "openvino", "pip install openvino"),
        ("torch", "torch", "pip install 'videobert[build]'"),
        ("av", "pyav", "pip install av"),
    ],
)
def test_a_package_that_is_missing_names_its_command(
    module: str, name: str, command: str, hide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_in_child", lambda code: {"version": "1", "devices": ["CPU"]})
    hide(module)
    diagnosis = doctor.examine()
    found = ability(diagnosis, name)
    assert not found.works
    assert module in found.detail
    assert found.fix == command
    assert {package.name: package.version for package in diagnosis.packages}[module] is None
    # torch runs what OpenVINO cannot; nothing decodes in place of PyAV.
    assert diagnosis.ready == (module != "av")


def test_everything_missing_at_once_is_a_diagnosis_too(hide: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hide("av", "openvino", "torch", "onnx", "onnxruntime", "sklearn", "cv2", "tokenizers", "safetensors")
    monkeypatch.setitem(sys.modules, "videobert._native", None)
    monkeypatch.delattr("videobert._native", raising=False)
    ended = call("doctor", "--json")
    assert ended.code == 4
    assert ended.json["ready"] is False
    assert set(ended.json["blockers"]) == {"openvino", "pyav", "videobert._native"}
    assert ended.json["cpu_features"] is None
    broken = [ability for ability in ended.json["abilities"] if not ability["works"]]
    assert {"openvino", "torch", "pyav", "videobert._native"} <= {ability["name"] for ability in broken}
    assert all(ability["fix"] for ability in broken)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed while loading (signal 11)"),
        ("import sys; sys.exit('libfoo.so.7: cannot open shared object file')", "libfoo.so.7"),
        ("raise ImportError('no such symbol')", "no such symbol"),
        ("import os; os._exit(7)", "exit code 7"),
        ("print('not json')", "exit code 0"),
        ("", "exit code 0"),
    ],
    ids=["crash", "exit", "raise", "silent", "noise", "empty"],
)
def test_a_library_that_breaks_costs_one_line(code: str, said: str) -> None:
    answer = doctor._in_child(code)
    assert isinstance(answer, str)
    assert said in answer
    assert "\n" not in answer


def test_a_library_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PROBE_TIMEOUT_S", 0.2)
    assert "did not load within" in str(doctor._in_child("import time; time.sleep(30)"))


def test_a_file_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "av.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert "hijacked" not in doctor._pyav().detail


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = doctor._cache()
    assert not found.works
    assert "XDG_CACHE_HOME" in str(found.fix)


def test_the_cache_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert doctor._cache().works
    assert not (tmp_path / "videobert").exists()
    (tmp_path / "videobert").mkdir()
    (tmp_path / "videobert" / "x.compiled").write_bytes(bytes(3 << 20))
    assert "1 compiled graphs, 3.0 MiB" in doctor._cache().detail


def test_text_and_json_agree(call: Any, diagnosis: doctor.Diagnosis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: diagnosis)
    text, answer = call("doctor"), call("doctor", "--json").json
    assert text.code == 0
    assert "ready" in text.out
    for ability in answer["abilities"]:
        assert ability["name"] in text.out
    for package in answer["packages"]:
        assert f"{package['name']} {package['version'] or '–'}" in text.out


@pytest.mark.parametrize(
    ("answer", "works", "said", "fix"),
    [
        ({"version": "2.4.0", "codecs": {"vp9": None, "mjpeg": None}}, True, "2.4.0: vp9, mjpeg", None),
        (
            {"version": "2.4.0", "codecs": {"vp9": None, "av1": "a test clip of av1 came back with other frames"}},
            True,
            "2.4.0: vp9; not a test clip of av1 came back with other frames",
            "use --decoder pyav for those",
        ),
        ({"version": "2.4.0", "codecs": {"vp9": "it broke"}}, False, "no codec", "use --decoder pyav for those"),
        (
            "it crashed while loading (signal 11)",
            False,
            "signal 11",
            "pip install --force-reinstall 'videobert[dali]'",
        ),
    ],
    ids=["all", "some", "none", "crash"],
)
def test_dali_is_judged_by_what_it_decodes(
    answer: Any, works: bool, said: str, fix: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "unusable", lambda device: None)
    monkeypatch.setattr(doctor, "_in_child", lambda code: answer)
    for found in (doctor._dali_cpu(), doctor._dali_gpu()):
        assert (found.kind, found.works, found.fix) == ("decoder", works, fix)
        assert said in found.detail


def test_dali_that_cannot_be_tried_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "unusable", lambda device: ("not installed", "pip install 'videobert[dali]'"))
    found = doctor._dali_cpu()
    assert (found.works, found.detail, found.fix) == (False, "not installed", "pip install 'videobert[dali]'")


def test_the_last_line_names_only_what_blocks(call: Any, diagnosis: doctor.Diagnosis, monkeypatch: Any) -> None:
    blocked = dataclasses.replace(diagnosis, blockers=("pyav",), ready=False)
    monkeypatch.setattr(doctor, "examine", lambda: blocked)
    ended = call("doctor")
    assert ended.code == 4
    assert ended.out.splitlines()[-1] == "not ready, fix first: pyav"


def test_no_fix_says_twice_that_it_is_one(diagnosis: doctor.Diagnosis) -> None:
    assert not [ability.fix for ability in diagnosis.abilities if ability.fix and "nstall it: pip" in ability.fix]


def test_dali_alone_makes_no_machine_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_in_child", lambda code: {"version": "1", "devices": ["CPU"]})
    dali = doctor.Ability(name="dali", kind="decoder", works=True, detail="")
    monkeypatch.setattr(doctor, "_dali_cpu", lambda: dali)
    monkeypatch.setattr(doctor, "_pyav", lambda: doctor.Ability(name="pyav", kind="decoder", works=False, detail=""))
    assert not doctor.examine().ready


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("cuda-smNN", "triton", "build,kernels"), ("triton-server", "tritonclient", "triton-server")],
)
def test_a_target_whose_package_is_missing_says_what_to_install(hide: Any, name: str, module: str, extra: str) -> None:
    hide(module)
    found = {"cuda-smNN": doctor._kernels, "triton-server": doctor._triton_server}[name]()
    assert (found.name, found.kind, found.works) == (name, "target", False)
    assert module in found.detail
    assert found.fix == f"pip install 'videobert[{extra}]'"


def test_targets_that_are_installed_say_what_they_build(diagnosis: doctor.Diagnosis) -> None:
    for name, package, word in (("cuda-smNN", "triton", "cuda-sm90"), ("triton-server", "tritonclient", "repository")):
        if importlib.util.find_spec(package):
            assert word in ability(diagnosis, name).detail
