"""`videobert doctor`: the diagnosis in text and as JSON, and the exit code."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from typing import Any

import pytest

from videobert.doctor import examine
from videobert.results.diagnosis import Diagnosis


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    """The diagnosis of this machine."""
    return examine.examine()


def test_everything_missing_at_once_is_a_diagnosis_too(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = {"av", "openvino", "torch", "onnx", "onnxruntime", "sklearn", "cv2", "tokenizers", "safetensors"}
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in hidden else found(name))
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


def test_text_and_json_agree(call: Any, diagnosis: Diagnosis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "examine", lambda: diagnosis)
    text, answer = call("doctor"), call("doctor", "--json").json
    assert text.code == 0
    assert "ready" in text.out
    for ability in answer["abilities"]:
        assert ability["name"] in text.out
    for package in answer["packages"]:
        assert f"{package['name']} {package['version'] or '–'}" in text.out


def test_the_last_line_names_only_what_blocks(call: Any, diagnosis: Diagnosis, monkeypatch: Any) -> None:
    blocked = dataclasses.replace(diagnosis, blockers=("pyav",), ready=False)
    monkeypatch.setattr(examine, "examine", lambda: blocked)
    ended = call("doctor")
    assert ended.code == 4
    assert ended.out.splitlines()[-1] == "not ready, fix first: pyav"
