"""`videobert build`: graphs where they can be made, and compiled where they are."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import UsageError
from videobert.cli.build.export import export_engine_graphs, export_graphs
from videobert.cli.parser.options import CommonOptions
from videobert.engines.openvino_engine import cpu_features
from videobert.model.config import ModelConfig
from videobert.model.folder import BUNDLED, ModelFolder, find
from videobert.model.kept_layers import KeptLayers, weights_name

CLIP = BUNDLED / "shapes" / "clip.mp4"
needs_both = pytest.mark.skipif(
    not (cpu_features()["avx512_bf16"] and cpu_features()["avx512_vnni"]), reason="the processor lacks bf16 or VNNI"
)


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


@pytest.fixture
def got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundled model as one that `videobert get` put where it puts them."""
    monkeypatch.setenv("VIDEOBERT_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "models" / "everyday"
    shutil.copytree(find("shapes"), folder)
    for place in (folder, folder.parent):
        place.chmod(0o755)
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuse_to_export(*_: Any, **__: Any) -> None:
    raise AssertionError("exported")


@pytest.mark.parametrize(("words", "least"), [([], 32), (["--precision", "int8"], 16)], ids=["exact", "int8"])
def test_too_few_clips_are_refused_before_anything_is_exported(
    words: list[str], least: int, call: Any, fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videobert.cli.build.this_machine.export_graphs", refuse_to_export)
    shutil.copytree(find("shapes"), tmp_path / "model")
    ended = call("build", tmp_path / "model", *words, "--clips", CLIP, "--clips", CLIP)
    assert ended.code == 3
    assert "too few clips" in ended.err
    assert "14" in ended.err
    assert f"{least} or more" in ended.err
    assert not fake.loaded
    assert f"{least} " in call("build", "--help").said


@pytest.mark.parametrize("typed", ["everyday", "path"])
def test_build_of_a_model_that_was_got_compiles_what_it_has(
    typed: str, call: Any, fake: Any, got: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videobert.cli.build.this_machine.export_graphs", refuse_to_export)
    before = content_of(got)
    ended = call("build", got if typed == "path" else typed, "--json")
    assert ended.code == 0
    assert "is not written to: its graphs are compiled as they are" in ended.err
    assert fake.loaded["name"] == ended.json["folder"] == str(got)
    assert ended.json["graphs"] == []
    assert content_of(got) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["everyday", "--clips", CLIP],
        ["everyday", "--out", "GOT"],
        ["shapes", "--out", "GOT"],
        ["shapes", "--target", "cuda-sm90", "--out", "GOT"],
        ["shapes", "--out", BUNDLED / "shapes"],
    ],
    ids=["clips", "itself", "another", "target", "bundled"],
)
def test_no_build_writes_to_a_model_that_was_got_or_bundled(
    arguments: list[Any], call: Any, got: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videobert.cli.build.this_machine.export_graphs", refuse_to_export)
    before = content_of(got)
    ended = call("build", *(got if word == "GOT" else word for word in arguments))
    assert ended.code == 2
    assert "is not written to" in ended.err
    assert "--out" in ended.err
    assert content_of(got) == before


def test_nothing_is_exported_into_a_model_that_was_got(got: Path) -> None:
    with pytest.raises(UsageError, match="is not written to"):
        export_graphs(got, None, CommonOptions())
    with pytest.raises(UsageError, match="is not written to"):
        export_engine_graphs(got, "bf16", CommonOptions())


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--precision", "int8"], "made on clips"),
        (["--precision", "bf16", "--clips", CLIP], "belong to --target"),
        (["--keep", "kept.json"], "--keep belongs to --precision"),
        (["--keep", "kept.json", "--precision", "int8"], "--keep belongs to --precision"),
        (["--target", "cuda-sm90", "--clips", CLIP], "--clips does not belong"),
        (["--clips", CLIP], "is not written to"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[Any], said: str, call: Any) -> None:
    ended = call("build", "shapes", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_layers_to_keep_that_cannot_be_read_are_refused(call: Any, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text("[]")
    ended = call("build", "shapes", "--precision", "int8", "--clips", CLIP, "--keep", tmp_path / "kept.json")
    assert ended.code == 3
    assert "layers to keep" in ended.err


@pytest.mark.slow
@needs_both
def test_a_folder_is_made_ready_for_exact_and_for_int8(call: Any, without: Any, tmp_path: Path) -> None:
    without("torch")
    folder = tmp_path / "model"
    shutil.copytree(find("shapes"), folder)
    clips = [word for _ in range(6) for word in ("--clips", CLIP)]
    ended = call("build", folder, *clips, "--json")
    assert ended.json["exact"]["clips"] == 42
    assert json.loads((folder / "exact.json").read_text()) == {"format": 1, **ended.json["exact"]}
    assert "clips are computed again" in call("build", folder, *clips).out

    kept = KeptLayers(weights=weights_name(ModelFolder(folder)), stages={"backbone": ("node_conv3d",)})
    (tmp_path / "kept.json").write_text(json.dumps(kept.to_json()))
    ended = call("build", folder, "--precision", "int8", *clips, "--keep", tmp_path / "kept.json", "--json")
    assert ended.json["int8"]["clips"] == 21
    assert "node_conv3d" not in json.loads((folder / "int8.json").read_text())["stages"]["backbone"]["tops"]

    exact = call("tokens", CLIP, "--model", folder, "--precision", "exact", "--json")
    small = call("tokens", CLIP, "--model", folder, "--precision", "int8", "--json")
    true = call("tokens", CLIP, "--model", folder, "--precision", "fp32", "--json")
    assert exact.json["ids"] == true.json["ids"]
    assert exact.json["origin"]["recomputed"] >= 0
    assert (small.json["origin"]["precision"], small.json["origin"]["int8"]) == ("int8", ["backbone"])
    assert "near a tie computed again in fp32" in call("run", CLIP, "--model", folder, "--precision", "exact").out
