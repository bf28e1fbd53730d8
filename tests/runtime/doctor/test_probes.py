"""What each library can do is told by trying it, and what fixes it where it cannot."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest

from videobert.doctor import probes


def test_a_file_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "av.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert "hijacked" not in probes.probe_pyav()[0].detail


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
    monkeypatch.setattr(probes, "unusable", lambda device: None)
    monkeypatch.setattr(probes, "installed", lambda *names: True)
    monkeypatch.setattr(probes, "tried", lambda *codes: [answer for _ in codes])
    for found in (probes.probe_dali_and_server()[0], probes.probe_dali_gpu()[0]):
        assert (found.kind, found.works, found.fix) == ("decoder", works, fix)
        assert said in found.detail


def test_dali_that_cannot_be_tried_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "unusable", lambda device: ("not installed", "pip install 'videobert[dali]'"))
    found = probes.probe_dali_gpu()[0]
    assert (found.works, found.detail, found.fix) == (False, "not installed", "pip install 'videobert[dali]'")


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("cuda-smNN", "triton", "build,kernels"), ("triton-server", "tritonclient", "triton-server")],
)
def test_a_target_whose_package_is_missing_says_what_to_install(
    hide: Any, name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(module)
    monkeypatch.setattr(probes, "tried", lambda *codes: [{"version": "1", "devices": ["CPU"]} for _ in codes])
    probe = {"cuda-smNN": probes.probe_torch_and_kernels, "triton-server": probes.probe_dali_and_server}[name]
    found = probe()[1]
    assert (found.name, found.kind, found.works) == (name, "target", False)
    assert module in found.detail
    assert found.fix == f"pip install 'videobert[{extra}]'"


_CODES = sorted(name for name, value in vars(probes).items() if isinstance(value, str) and "import " in value)


@pytest.mark.parametrize("name", _CODES)
def test_the_names_that_a_trial_asks_for_are_there(name: str) -> None:
    """A trial is a text to everything that follows names when one changes; a wrong one looks like a broken library."""
    tree = ast.parse(vars(probes)[name].format(device="cpu") if name == "_DALI" else vars(probes)[name])
    asked = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("videobert.")
        for alias in node.names
    ]
    for module, what in asked:
        assert hasattr(importlib.import_module(module), what), f"{module} has no {what}"
