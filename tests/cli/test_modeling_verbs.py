"""The verbs that make models: doors to the modeling side that say what to install where it is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.model.folder import find
from videobert.visual.codebook import Codebook
from videobert.visual.feature_file import write_features

ROWS = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
VERBS = {
    "build": (["build", "FOLDER"], "torch", "videobert[build]"),
    "import": (["import", "bert", "FOLDER", "--out", "OUT"], "torch", "videobert[build]"),
    "cluster": (["cluster", "FOLDER/features.safetensors", "--out", "OUT"], "sklearn", "videobert[train]"),
    "train": (["train", "shapes", "--out", "OUT"], "torch", "videobert[train]"),
}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes modules unimportable, and what was imported with them forgotten."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("videobert_modeling")}

    def hide(*names: str) -> None:
        for name in before:
            sys.modules.pop(name)
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    yield hide
    for name in [name for name in sys.modules if name.startswith("videobert_modeling")]:
        sys.modules.pop(name)
    sys.modules.update(before)


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_library_is_an_environment_error_with_its_command(
    verb: str, call: Any, without: Any, tmp_path: Path
) -> None:
    typed, module, extra = VERBS[verb]
    if verb == "cluster":
        write_features(tmp_path / "features.safetensors", ROWS, backbone_hash="0" * 16, clip_hash="1" * 16)
    (tmp_path / "config.json").touch()
    without(module)
    arguments = [word.replace("FOLDER", str(tmp_path)).replace("OUT", str(tmp_path / "out")) for word in typed]
    ended = call(*arguments, "--json")
    assert ended.code == 4
    assert ended.out == ""
    assert repr(module) in ended.err
    assert f"pip install '{extra}'" in ended.err
    assert not (tmp_path / "out").exists()


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


def test_cluster_writes_a_codebook(call: Any, tmp_path: Path) -> None:
    write_features(tmp_path / "f.safetensors", ROWS, backbone_hash="0" * 16, clip_hash="1" * 16)
    out = tmp_path / "codebook.safetensors"
    ended = call("cluster", tmp_path / "f.safetensors", "--out", out, "--branching", "3", "--depth", "2", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["leaves"] == len(Codebook.load(out)) <= 9
    assert ended.json["hash"] == Codebook.load(out).hash
    assert ended.err == ""


def test_cluster_takes_a_bundled_name_and_shows_an_address_as_typed(call: Any, tmp_path: Path) -> None:
    ended = call("cluster", "https://example.org/a.mp4", "--model", "shapes", "--out", tmp_path / "c.safetensors")
    assert ended.code == 3
    assert "https://example.org/a.mp4" in ended.err


def test_import_gives_the_ledger(call: Any, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    np.save(tmp_path / "centroids.npy", rows)
    ended = call("import", "centroids", tmp_path / "centroids.npy", "--out", tmp_path / "out.safetensors")
    assert ended.code == 3  # a codebook names what made its features, and nothing here says it
    assert ended.out == ""
    assert "error:" in ended.err


def test_an_import_option_of_another_kind_is_a_usage_error(call: Any, tmp_path: Path) -> None:
    ended = call("import", "s3d", tmp_path, "--out", tmp_path / "out", "--words", "7")
    assert ended.code == 2
    assert "words" in ended.err


def test_train_passes_on_its_options_and_prints_the_results(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert_modeling.train import shapes

    asked: list[Any] = []

    def train(*arguments: Any, **options: Any) -> dict[str, Any]:
        asked.append((arguments, options))
        return {"cloze": {"colour": {"top1": 0.97}}, "seed": 7}

    monkeypatch.setattr(shapes, "train", train)
    ended = call("train", "shapes", "--out", tmp_path / "out", "--scale", "smoke", "--seed", "7")
    assert ended.code == 0
    assert ended.out.splitlines() == ["cloze.colour.top1\t0.97", "seed\t7"]
    expected = {"scale": "smoke", "seed": 7, "real_film": None, "on_progress": None}
    assert asked == [((tmp_path / "out", tmp_path / "out.work"), expected)]
    answer = call("train", "shapes", "--out", tmp_path / "out", "--json").json
    assert answer["results"]["cloze"]["colour"]["top1"] == 0.97


@pytest.fixture
def features(tmp_path: Path) -> Path:
    path = tmp_path / "f.safetensors"
    write_features(path, ROWS, backbone_hash="0" * 16, clip_hash="1" * 16)
    return path


SMALL = ("--branching", "2", "--depth", "1")


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
    (tmp_path / "config.json").write_text("{}")
    ended = call("build", tmp_path, "--target", target, "--json")
    assert ended.code == 3
    assert "has no codebook yet" in ended.err
    assert "videobert cluster VIDEOS --model" in ended.err


def test_import_tells_the_exceptions_and_lists_every_tensor_when_asked(call: Any, tmp_path: Path) -> None:
    import torch

    from videobert_modeling.models import S3D

    state = S3D(0.125, 32, 5).state_dict()
    torch.save(state, tmp_path / "s3d.pth")
    short = call("import", "s3d", tmp_path / "s3d.pth", "--out", tmp_path / "a.safetensors")
    assert short.code == 0
    lines = short.out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("385 used, ")
    assert lines[1].endswith("more: a training counter")
    assert lines[2].startswith("ignored: classifier.1.weight, classifier.1.bias: ")
    long = call("import", "s3d", tmp_path / "s3d.pth", "--out", tmp_path / "b.safetensors", "--verbose")
    assert len(long.out.splitlines()) == len(state) + 1
    everything = call("import", "s3d", tmp_path / "s3d.pth", "--out", tmp_path / "c.safetensors", "--json").json
    assert len(everything["tensors"]) == len(state)
