"""Exported graphs: what they hold, what they compute, and how the folder is finished."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from safetensors.torch import load_file

from videobert.base.errors import InputError, MismatchError, ModelError, VideoBertError
from videobert.model.folder import ModelFolder
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook
from videobert_modeling.export import ExportedGraph, export_folder
from videobert_modeling.export.low_precision.engine_graphs import write_graphs
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Parity, Reference, onnxruntime_runner, openvino_runner
from videobert_modeling.models import S3D, VideoBert, load_weights, save_weights, tiny

RECIPE = Recipe(frames=14, short_side=40, crop=32)
NAMES = ["backbone", "encoder", "text_head", "visual_head", "alignment_head"]


def _source(root: Path) -> None:
    config = tiny()
    torch.manual_seed(0)
    backbone = S3D(config.backbone.width, config.backbone.feature_dim)
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            buffer.uniform_(-1, 1)
    model = VideoBert(config)
    with torch.no_grad():
        model.heads.bias.normal_()
    (root / "config.json").write_text(json.dumps(config.to_json()))
    (root / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (root / "README.md").write_text("A card.\n")
    save_weights(model, backbone, root / "model.safetensors")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source")
    _source(root)
    return root


@pytest.fixture(scope="module")
def exported(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[ExportedGraph, ...], list]:
    out = tmp_path_factory.mktemp("out") / "new" / "folder"
    steps: list[tuple[str, int, int]] = []
    graphs = export_folder(source, out, on_progress=lambda *step: steps.append(step))
    return out, graphs, steps


@pytest.fixture(scope="module")
def folder(exported: tuple[Path, tuple[ExportedGraph, ...], list]) -> Path:
    return exported[0]


def _graph(folder: Path, name: str) -> onnx.ModelProto:
    return onnx.load(folder / "graphs" / f"{name}.onnx")


def _interface(values) -> dict[str, tuple[int, list[str | int]]]:
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


def test_inputs_and_outputs_are_as_documented(folder: Path):
    config, sequence = tiny(), ["batch", "length"]
    features = (TensorProto.FLOAT, ["batch", config.backbone.feature_dim])
    states = (TensorProto.FLOAT, ["count", config.encoder.width])
    expected = {
        "backbone": ({"clips": (TensorProto.UINT8, ["batch", 14, 32, 32, 3])}, {"features": features}),
        "encoder": (
            {
                "ids": (TensorProto.INT64, sequence),
                "segments": (TensorProto.INT64, sequence),
                "lengths": (TensorProto.INT64, ["batch"]),
            },
            {"states": (TensorProto.FLOAT, [*sequence, config.encoder.width])},
        ),
        "text_head": ({"states": states}, {"logits": (TensorProto.FLOAT, ["count", config.words])}),
        "visual_head": ({"states": states}, {"logits": (TensorProto.FLOAT, ["count", config.visual_tokens])}),
        "alignment_head": ({"states": states}, {"logits": (TensorProto.FLOAT, ["count"])}),
    }
    for name, (inputs, outputs) in expected.items():
        model = _graph(folder, name)
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 24)]
        assert _interface(model.graph.input) == inputs, name
        assert _interface(model.graph.output) == outputs, name


def test_only_a_cast_touches_the_bytes_and_it_comes_first(folder: Path):
    graph = _graph(folder, "backbone").graph
    assert [node.op_type for node in graph.node if "clips" in node.input] == ["Cast"]
    assert list(graph.node[0].input) == ["clips"]


def test_attention_takes_lengths_and_no_mask(folder: Path):
    nodes = [node for node in _graph(folder, "encoder").graph.node if node.op_type == "Attention"]
    assert len(nodes) == tiny().encoder.layers
    for node in nodes:
        assert list(node.input[3:]) == ["", "", "", "lengths"]
        assert len(set(node.input[:3])) == 3


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_stored_in_half_without_loss(folder: Path, name: str):
    graph = _graph(folder, name).graph
    matrices = [tensor for tensor in graph.initializer if len(tensor.dims) > 1]
    assert matrices
    assert {tensor.data_type for tensor in matrices} == {TensorProto.FLOAT16}
    stored = {
        np.sort(value.half().numpy(), None).tobytes() for value in load_file(folder / "model.safetensors").values()
    }
    if name in ("backbone", "encoder"):  # heads hold a slice of the token table
        assert all(np.sort(numpy_helper.to_array(tensor), None).tobytes() in stored for tensor in matrices)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_machine_is_in_the_file(folder: Path, name: str):
    model = _graph(folder, name)
    parts = (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output)
    assert not any(part.doc_string or part.metadata_props for part in parts)
    assert (model.producer_name, model.producer_version) == ("videobert", "")
    content = (folder / "graphs" / f"{name}.onnx").read_bytes()
    assert not re.search(rb"\.py\b|/home|/root|site-packages", content)
    assert str(Path(__file__).parents[4]).encode() not in content


def test_the_same_weights_give_the_same_bytes(folder: Path, source: Path):
    backbone, model = load_weights(source)
    for graph in graphs_of(backbone, model, RECIPE):
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


@pytest.mark.parametrize("runner", [onnxruntime_runner, openvino_runner])
def test_padding_has_no_influence_in_the_graph(folder: Path, runner):
    run = runner((folder / "graphs" / "encoder.onnx").read_bytes())
    rng = np.random.default_rng(0)
    inputs = {
        "ids": rng.integers(tiny().vocabulary, size=(3, 21)),
        "segments": rng.integers(2, size=(3, 21)),
        "lengths": np.array([21, 8, 1]),
    }
    states = np.array(run(inputs))
    for row, length in enumerate(inputs["lengths"]):
        inputs["ids"][row, length:] = rng.integers(tiny().vocabulary, size=21 - length)
        inputs["segments"][row, length:] = 1 - inputs["segments"][row, length:]
    other = np.array(run(inputs))
    for row, length in enumerate(inputs["lengths"]):
        assert np.array_equal(states[row, :length], other[row, :length])


@pytest.mark.parametrize("runner", [onnxruntime_runner, openvino_runner])
def test_a_batch_gives_each_clip_its_own_feature(folder: Path, runner):
    run = runner((folder / "graphs" / "backbone.onnx").read_bytes())
    clips = np.random.default_rng(0).integers(256, size=(3, 14, 32, 32, 3), dtype=np.uint8)
    together = np.array(run({"clips": clips}))
    alone = np.concatenate([np.array(run({"clips": clips[i : i + 1]})) for i in range(3)])
    assert together.shape == (3, tiny().backbone.feature_dim)
    assert np.abs(together - alone).max() <= 1e-5 * np.abs(alone).max()


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


def test_a_graph_that_computes_something_else_is_refused(folder: Path, source: Path):
    backbone, model = load_weights(source)
    graph = next(graph for graph in graphs_of(backbone, model, RECIPE) if graph.name == "text_head")
    content = (folder / "graphs" / "text_head.onnx").read_bytes()
    reference = Reference(graph)
    assert reference.check("onnxruntime", onnxruntime_runner(content)).holds
    run = onnxruntime_runner(content)
    for wrong in (lambda x: run(x) + 1e-5, lambda x: run(x)[:, 1:], lambda x: run(x) * np.float32(np.nan)):
        with pytest.raises(VideoBertError, match="text_head"):
            reference.check("onnxruntime", wrong)


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
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    leaves = np.ones((tiny().visual_tokens, tiny().backbone.feature_dim), np.float32)
    codebook = Codebook(leaves=leaves, distances=leaves[0, :2], backbone_hash="other", clip_hash=RECIPE.clip_hash)
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


def test_heads_that_the_model_lacks_get_no_graph():
    config = dataclasses.replace(tiny(), heads=("visual",))
    names = [graph.name for graph in graphs_of(S3D(0.125, 32), VideoBert(config), RECIPE)]
    assert names == ["backbone", "encoder", "visual_head"]


@pytest.mark.parametrize("positions", [5, 8])
def test_a_model_of_few_positions_is_exported(positions: int):
    encoder = dataclasses.replace(tiny().encoder, positions=positions)
    model = VideoBert(dataclasses.replace(tiny(), encoder=encoder)).eval()
    graph = next(graph for graph in graphs_of(S3D(0.125, 32), model, RECIPE) if graph.name == "encoder")
    assert max(len(inputs["ids"][0]) for inputs in graph.trials) == positions
    assert Reference(graph).check("onnxruntime", onnxruntime_runner(to_onnx(graph))).holds
