"""`videobert cluster`: a codebook in a place of its own, and never over another by accident."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.model.folder import find
from videobert.visual.codebook import Codebook
from videobert.visual.feature_file import write_features

ROWS = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)


@pytest.mark.modeling
def test_cluster_writes_a_codebook(call: Any, tmp_path: Path) -> None:
    write_features(tmp_path / "f.safetensors", ROWS, backbone_hash="0" * 16, clip_hash="1" * 16)
    out = tmp_path / "codebook.safetensors"
    ended = call("cluster", tmp_path / "f.safetensors", "--out", out, "--branching", "3", "--depth", "2", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["leaves"] == len(Codebook.load(out)) <= 9
    assert ended.json["hash"] == Codebook.load(out).hash
    assert ended.err == ""


@pytest.mark.modeling
def test_cluster_takes_a_bundled_name_and_shows_an_address_as_typed(call: Any, tmp_path: Path) -> None:
    ended = call("cluster", "https://example.org/a.mp4", "--model", "shapes", "--out", tmp_path / "c.safetensors")
    assert ended.code == 3
    assert "https://example.org/a.mp4" in ended.err


@pytest.fixture
def features(tmp_path: Path) -> Path:
    path = tmp_path / "f.safetensors"
    write_features(path, ROWS, backbone_hash="0" * 16, clip_hash="1" * 16)
    return path


SMALL = ("--branching", "2", "--depth", "1")


@pytest.mark.modeling
def test_cluster_does_not_write_over_a_codebook_unless_told_to(call: Any, tmp_path: Path, features: Path) -> None:
    out = tmp_path / "codebook.safetensors"
    out.write_bytes(b"in use")
    ended = call("cluster", features, "--out", out, *SMALL, "--json")
    assert ended.code == 2
    assert "the place to write to is taken" in ended.err
    assert "--replace" in ended.err
    assert out.read_bytes() == b"in use"
    ended = call("cluster", features, "--out", out, *SMALL, "--replace", "--json")
    assert ended.code == 0
    assert len(Codebook.load(out)) == 2


@pytest.mark.modeling
def test_cluster_without_a_place_does_not_write_over_what_lies_there(
    call: Any, tmp_path: Path, features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("cluster", features, *SMALL).code == 0
    assert call("cluster", features, *SMALL).code == 2


def test_cluster_does_not_write_to_a_bundled_model(call: Any, features: Path) -> None:
    ended = call("cluster", features, "--model", "shapes", "--replace")
    assert ended.code == 2
    assert "a bundled model is not written to" in ended.err
    assert "--out FILE" in ended.err


def test_cluster_does_not_write_to_a_model_that_was_got(
    call: Any, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEOBERT_MODELS", str(tmp_path / "models"))
    shutil.copytree(find("shapes"), tmp_path / "models" / "everyday")
    for place in (tmp_path / "models", tmp_path / "models" / "everyday"):
        place.chmod(0o755)
    ended = call("cluster", features, "--model", "everyday", "--replace")
    assert ended.code == 2
    assert "a model of `videobert get` is not written to" in ended.err


@pytest.mark.modeling
def test_a_codebook_is_put_into_a_model_folder_by_the_way_that_fits_the_model(
    call: Any, tmp_path: Path, features: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    ended = call("cluster", features, "--out", folder / "codebook.safetensors")
    assert ended.code == 2
    assert f"--model {folder}" in ended.err
    # With --model, the folder's own place is the folder: it is checked as such.
    ended = call("cluster", features, "--model", folder, "--out", folder / "codebook.safetensors")
    assert ended.code == 3
    assert "config.json" in ended.err
    assert [path.name for path in folder.iterdir()] == ["config.json"]
