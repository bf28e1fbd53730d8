"""The exported folder: whole or not at all, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from videobert.base.errors import InputError, MismatchError, ModelError, VideoBertError
from videobert.model.folder import ModelFolder
from videobert.visual.codebook import Codebook
from videobert_modeling.export import ExportedGraph, export_folder
from videobert_modeling.export.low_precision.engine_graphs import write_graphs
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Parity
from videobert_modeling.models import load_weights, tiny

NAMES = ["backbone", "encoder", "text_head", "visual_head", "alignment_head"]


def test_the_same_weights_give_the_same_bytes(folder: Path, source: Path):
    backbone, model = load_weights(source)
    for graph in graphs_of(backbone, model, ModelFolder(folder).recipe):
        if graph.name != "backbone":  # its trace takes seconds and its path is the same
            assert to_onnx(graph) == (folder / "graphs" / f"{graph.name}.onnx").read_bytes()


def test_every_graph_is_reported_with_its_parity(exported: tuple[Path, tuple[ExportedGraph, ...], list]):
    folder, graphs, steps = exported
    assert [graph.name for graph in graphs] == NAMES
    assert steps == [(name, i, 5) for i, name in enumerate([*NAMES, "manifest"])]
    for graph in graphs:
        assert graph.size_bytes == (folder / "graphs" / f"{graph.name}.onnx").stat().st_size
        for parity in (graph.onnxruntime, graph.openvino):
            assert 0 < parity.error <= 2 * parity.reference_error + 1.2e-7 * parity.scale


def test_the_folder_is_whole_and_opens(folder: Path, source: Path):
    files = json.loads((folder / "manifest.json").read_text())["files"]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(files) == found - {"manifest.json"}
    assert {f"graphs/{name}.onnx" for name in NAMES} < set(files)
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in files.items())
    assert (folder / "README.md").read_text() == (source / "README.md").read_text()
    ModelFolder(folder).verify()
    assert not (source / "graphs").exists()
    assert not (source / "manifest.json").exists()


def test_building_in_place_replaces_old_graphs_and_leaves_engines_alone(
    source: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "decoder.onnx").write_bytes(b"old")
    (tmp_path / "engines" / "x").mkdir(parents=True)
    (tmp_path / "engines" / "x" / "plan").write_bytes(b"engine")
    (tmp_path / ".hidden").write_bytes(b"")
    monkeypatch.setattr(
        "videobert_modeling.export.portable.folder.to_onnx",
        lambda graph: (folder / "graphs" / f"{graph.name}.onnx").read_bytes(),  # traced once already
    )
    export_folder(tmp_path)
    assert {path.stem for path in (tmp_path / "graphs").iterdir()} == set(NAMES)
    assert (tmp_path / "engines" / "x" / "plan").read_bytes() == b"engine"
    assert (tmp_path / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


def test_nothing_is_written_when_a_graph_is_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Parity, "holds", False)
    monkeypatch.setattr("videobert_modeling.export.portable.folder.graphs_of", lambda *a: list(graphs_of(*a))[-1:])
    with pytest.raises(VideoBertError, match="alignment_head"):
        export_folder(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def traced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every graph is traced already."""
    monkeypatch.setattr(
        "videobert_modeling.export.portable.folder.to_onnx",
        lambda graph: (folder / "graphs" / f"{graph.name}.onnx").read_bytes(),
    )


def _content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("place", ["inside", "new"])
def test_a_disk_that_is_full_leaves_what_was_there(
    source: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, traced: None, built: bool, place: str
):
    copy = Path(shutil.copytree(folder if built else source, tmp_path / "copy"))
    before = _content(copy)
    calls = iter(range(100))

    def full(*_: object) -> None:
        if next(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("videobert.base.atomic.os.chmod", full)
    with pytest.raises(OSError, match="No space left"):
        export_folder(copy, None if place == "inside" else tmp_path / "out")
    assert _content(copy) == before
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert (copy / "graphs").exists() == built


def test_a_new_place_appears_whole(source: Path, folder: Path, tmp_path: Path, traced: None):
    (tmp_path / "out").mkdir()
    export_folder(source, tmp_path / "out")
    assert _content(tmp_path / "out") == _content(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_text_side_is_the_encoder_and_the_text_head(source: Path, folder: Path, tmp_path: Path, traced: None):
    steps: list[tuple[str, int, int]] = []
    graphs = export_folder(source, tmp_path / "out", lambda *step: steps.append(step), text_only=True)
    assert [graph.name for graph in graphs] == ["encoder", "text_head"]
    assert [name for name, _, _ in steps] == ["encoder", "text_head", "manifest"]
    names = {f"graphs/{name}.onnx" for name in ("encoder", "text_head")}
    assert {name for name in ModelFolder(tmp_path / "out").names() if name.startswith("graphs/")} == names
    export_folder(folder, tmp_path / "out", text_only=True)  # what was there of the visual half goes
    assert _content(tmp_path / "out").keys() & {"graphs/backbone.onnx", "graphs/visual_head.onnx"} == set()


def test_a_codebook_of_another_model_is_refused_before_the_work(
    source: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    leaves = np.ones((tiny().visual_tokens, tiny().backbone.feature_dim), np.float32)
    codebook = Codebook(
        leaves=leaves, distances=leaves[0, :2], backbone_hash="other", clip_hash=ModelFolder(folder).recipe.clip_hash
    )
    codebook.save(copy / "codebook.safetensors")
    monkeypatch.setattr("videobert_modeling.export.portable.folder.load_weights", None)
    with pytest.raises(MismatchError, match="was made for another backbone than this folder's"):
        export_folder(copy)
    assert _content(copy).keys() == _content(source).keys() | {"codebook.safetensors"}


@pytest.mark.parametrize("name", ["config.json", "recipe.json", "model.safetensors"])
def test_a_missing_file_is_named(source: Path, tmp_path: Path, name: str):
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=re.escape(name)):
        export_folder(tmp_path)


def test_a_link_out_of_the_folder_is_refused(source: Path, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(source, folder)
    (tmp_path / "secret").write_text("s")
    os.symlink(tmp_path / "secret", folder / "notes.txt")
    with pytest.raises(ModelError, match=r"notes\.txt"):
        export_folder(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_graphs_are_not_written_through_a_link(source: Path, tmp_path: Path):
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.onnx").write_text("")
    shutil.rmtree(copy / "graphs", ignore_errors=True)
    (copy / "graphs").symlink_to(elsewhere)
    with pytest.raises(ModelError, match="graphs of the model folder is a link"):
        export_folder(copy)
    with pytest.raises(ModelError, match="graphs of the model folder is a link"):
        write_graphs(copy, {"graphs/backbone.fp16.onnx": b""})
    assert [path.name for path in elsewhere.iterdir()] == ["mine.onnx"]


def test_out_must_not_lie_inside_the_folder_or_be_a_file(source: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    for out in (source / "built", tmp_path / "file"):
        with pytest.raises(InputError, match="--out"):
            export_folder(source, out)
