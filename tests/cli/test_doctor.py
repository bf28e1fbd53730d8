"""The doctor says what is there, what cannot run and what fixes it, and survives libraries that crash."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from videobert.doctor import examine as doctor
from videobert.doctor import trial

RUN_SIDE = ["av", "openvino", "tokenizers", "safetensors", "rich", "typer"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home folder for the process that examines."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def examined(home: Path) -> tuple[doctor.Diagnosis, set[str]]:
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


def test_examining_leaves_nothing_at_home(diagnosis: doctor.Diagnosis, home: Path) -> None:
    """What OpenVINO's telemetry writes there."""
    assert ability(diagnosis, "openvino").works
    assert list(home.iterdir()) == []


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
    monkeypatch.setattr(doctor, "tried", lambda *codes: [{"version": "1", "devices": ["CPU"]} for _ in codes])
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
    (answer,) = trial.tried(code)
    assert isinstance(answer, str)
    assert said in answer
    assert "\n" not in answer


def test_trials_that_share_a_process_answer_one_by_one() -> None:
    one, two = (f"print('a line of a library'); print('{{\"version\": {n}}}')" for n in (1, 2))
    assert trial.tried(one, two) == [{"version": 1}, {"version": 2}]


@pytest.mark.parametrize(
    "breaks",
    [
        "import os; os.abort()",
        "raise ImportError('no such symbol')",
        "import atexit, os; atexit.register(os.abort)",
        "pass",
    ],
    ids=["crash", "raise", "crash at the end", "silent"],
)
def test_a_trial_that_breaks_takes_no_other_with_it(breaks: str) -> None:
    works = "print('{\"version\": 1}')"
    for codes, broken in (((works, breaks), 1), ((breaks, works), 0)):
        answers = trial.tried(*codes)
        assert answers[1 - broken] == {"version": 1}
        assert isinstance(answers[broken], str)


def test_what_loads_the_same_library_shares_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading torch or DALI takes seconds: each at most once for all that is asked of it."""
    ran: list[str] = []
    run = subprocess.run

    def counted(command: list[str], **options: Any) -> Any:
        if command[0] == sys.executable:
            ran.append(command[-1])
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    monkeypatch.setattr(doctor, "unusable", lambda device: ("no GPU", "buy one") if device == "cuda" else None)
    doctor.examine()
    for names in (("import torch", "videobert_kernels"), ("nvidia.dali", "tritonclient"), ("openvino_library()",)):
        assert sum(any(name in code for name in names) for code in ran) <= 1
    assert 1 <= len(ran) <= 7


def test_a_library_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TIMEOUT_S", 0.2)
    assert "did not load within" in str(trial.tried("import time; time.sleep(30)"))


def test_a_file_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "av.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert "hijacked" not in doctor._pyav()[0].detail


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


_OTHERWISE = {"none": "no codec", "fix": "use --decoder pyav for those"}


@pytest.mark.parametrize(
    ("answer", "works", "said", "fix"),
    [
        (
            {"version": "2.4.0", "devices": ["vp9", "mjpeg"], "failed": [], **_OTHERWISE},
            True,
            "2.4.0: vp9, mjpeg",
            None,
        ),
        (
            {"version": "2.4.0", "devices": ["vp9"], "failed": ["a test clip of av1 came back with other frames"]}
            | _OTHERWISE,
            True,
            "2.4.0: vp9; not a test clip of av1 came back with other frames",
            "use --decoder pyav for those",
        ),
        (
            {"version": "2.4.0", "devices": [], "failed": ["it broke"], **_OTHERWISE},
            False,
            "no codec; not it broke",
            "use --decoder pyav for those",
        ),
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
    monkeypatch.setattr(doctor, "tried", lambda *codes: [answer for _ in codes])
    for found in (doctor._dali_and_server()[0], doctor._dali_gpu()[0]):
        assert (found.kind, found.works, found.fix) == ("decoder", works, fix)
        assert said in found.detail


def test_dali_that_cannot_be_tried_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "unusable", lambda device: ("not installed", "pip install 'videobert[dali]'"))
    found = doctor._dali_gpu()[0]
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
    monkeypatch.setattr(doctor, "tried", lambda *codes: [{"version": "1", "devices": ["CPU"]} for _ in codes])
    dali = doctor.Ability(name="dali", kind="decoder", works=True, detail="")
    monkeypatch.setattr(doctor, "_dali_and_server", lambda: [dali])
    monkeypatch.setattr(doctor, "_pyav", lambda: [doctor.Ability(name="pyav", kind="decoder", works=False, detail="")])
    assert not doctor.examine().ready


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("cuda-smNN", "triton", "build,kernels"), ("triton-server", "tritonclient", "triton-server")],
)
def test_a_target_whose_package_is_missing_says_what_to_install(
    hide: Any, name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(module)
    monkeypatch.setattr(doctor, "tried", lambda *codes: [{"version": "1", "devices": ["CPU"]} for _ in codes])
    probe = {"cuda-smNN": doctor._torch_and_kernels, "triton-server": doctor._dali_and_server}[name]
    found = probe()[1]
    assert (found.name, found.kind, found.works) == (name, "target", False)
    assert module in found.detail
    assert found.fix == f"pip install 'videobert[{extra}]'"


def test_targets_that_are_installed_say_what_they_build(diagnosis: doctor.Diagnosis) -> None:
    for name, package, word in (("cuda-smNN", "triton", "cuda-sm90"), ("triton-server", "tritonclient", "repository")):
        if importlib.util.find_spec(package):
            assert word in ability(diagnosis, name).detail
