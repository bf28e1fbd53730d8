"""`videobert build`: graphs where they can be made, and compiled where they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from videobert.model.config import ModelConfig
from videobert.model.folder import find


def test_build_without_torch_compiles_what_is_exported(call: Any, fake: Any, without: Any, tmp_path: Path) -> None:
    without("torch")
    (tmp_path / "config.json").touch()
    (tmp_path / "manifest.json").touch()
    ended = call("build", tmp_path, "--json")
    assert ended.code == 0
    assert "compiled as they are" in ended.err
    assert fake.loaded["name"] == str(tmp_path)
    assert [verb for verb, _, _ in fake.asked] == ["warmup"]
    assert ended.json["graphs"] == []
    assert ended.json["compile_s"] >= 0


def test_build_without_torch_cannot_make_another_folder(call: Any, fake: Any, without: Any, tmp_path: Path) -> None:
    without("torch")
    (tmp_path / "config.json").touch()
    (tmp_path / "manifest.json").touch()
    assert call("build", tmp_path, "--out", tmp_path / "out").code == 4
    assert not fake.loaded


@pytest.mark.parametrize("target", [[], ["--target", "cuda-sm90"]], ids=["graphs", "target"])
@pytest.mark.parametrize("name", ["none", "empty"])
def test_build_of_nothing_is_bad_input(name: str, target: list[str], call: Any, without: Any, tmp_path: Path) -> None:
    without("torch")
    (tmp_path / "empty").mkdir()
    ended = call("build", tmp_path / name, *target)
    assert ended.code == 3
    assert str(tmp_path / name) in ended.err
    assert "fix:" in ended.err
    if name == "empty":
        assert "a folder with config.json" in ended.err


def test_build_of_a_bundled_model_compiles_what_it_has(call: Any, fake: Any) -> None:
    ended = call("build", "shapes", "--json")
    assert ended.code == 0
    assert "is not written to" in ended.err
    assert fake.loaded["name"] == ended.json["folder"] == str(find("shapes"))
    assert ended.json["graphs"] == []


@pytest.mark.modeling
def test_build_says_at_once_what_is_missing(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "videobert_modeling.export", None)  # whatever imports it has begun to work
    (tmp_path / "config.json").write_text("{}")
    for arguments in ([], ["--out", tmp_path / "out"]):
        ended = call("build", tmp_path, *arguments, "--json")
        assert ended.code == 3
        assert "config.json" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("target", ["tensorrt-rtx", "tensorrt"])
def test_engines_of_a_model_without_a_codebook_are_refused_at_once(
    target: str, call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videobert.cli.build.engines.check_job", lambda *_: False)
    config = ModelConfig(name="blind", words=9, visual_tokens=9)
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    ended = call("build", tmp_path, "--target", target, "--json")
    assert ended.code == 3
    assert "has no codebook yet" in ended.err
    assert "videobert cluster VIDEOS --model" in ended.err
