"""I3D from the files of others to a backbone file, and from there to a question of a model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videobert.base.errors import InputError, ModelError
from videobert.get.label_files import kinetics400
from videobert.get.layouts.i3d import FLAX, TENSORFLOW
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared.i3d_checkpoint import is_i3d, open_i3d
from videobert_modeling.models import I3D, load_weights
from videobert_modeling.models.weights import hash_of

CLASSES = 5


@pytest.fixture(scope="module")
def network() -> I3D:
    """A narrow I3D with a 64-wide feature, whose BatchNorm has no scale, as DeepMind's."""
    torch.manual_seed(1)
    model = I3D(0.125, 64, CLASSES).eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm3d):
            assert part.running_mean is not None
            part.running_mean.normal_()
            part.bias.data.normal_()
    return model


def _port(network: I3D) -> dict[str, Tensor]:
    """A state dict as the PyTorch port saves it."""
    state = {n.replace("classifier.", "logits.conv3d."): t.detach().clone() for n, t in network.state_dict().items()}
    return state | {"logits.conv3d.weight": state["logits.conv3d.weight"][:, :, None, None, None].contiguous()}


def _channels_last(network: I3D, names: dict[str, str]) -> dict[str, np.ndarray[Any, Any]]:
    found = {}
    for ours, theirs in names.items():
        value = network.state_dict()[ours].numpy()
        if ours == "classifier.weight":
            value = value[:, :, None, None, None]
        found[theirs] = np.ascontiguousarray(value.transpose(2, 3, 4, 1, 0)) if value.ndim == 5 else value
    return found


def _flax(network: I3D) -> bytes:
    tree: dict[str, Any] = {}
    for name, array in _channels_last(network, dict(FLAX.names)).items():
        *path, last = name.split("/")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = array
    return pickle.dumps(tree, 4)


@pytest.fixture(scope="module", params=["flax", "pt", "safetensors", "npz"])
def source(request: pytest.FixtureRequest, network: I3D, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("i3d")
    if request.param == "flax":
        path = folder / "weights.ckpt"
        path.write_bytes(_flax(network))
    elif request.param == "npz":
        path = folder / "tensorflow.npz"
        np.savez(path, **_channels_last(network, dict(TENSORFLOW.names)))
    elif request.param == "pt":
        path = folder / "rgb.pt"
        torch.save(_port(network), path)
    else:
        path = folder / "rgb.safetensors"
        save_file(_port(network), path)
    return path


@pytest.fixture(scope="module")
def backbone_file(network: I3D, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    torch.save(_port(network), folder / "rgb.pt")
    (folder / "labels.txt").write_text("climb\nfall\njump\nrun\nswim\n")
    out = folder / "i3d.safetensors"
    import_checkpoint("i3d", folder / "rgb.pt", out, labels=folder / "labels.txt")
    return out


def test_each_layout_gives_the_network(source: Path, network: I3D) -> None:
    assert is_i3d(source)
    opened = open_i3d(source)
    assert not opened.network.training
    assert opened.labels == tuple("01234")
    assert opened.ledger.count("missing") == opened.ledger.count("unexplained") == 0
    for name, tensor in network.state_dict().items():
        assert torch.equal(opened.network.state_dict()[name], tensor), name


def test_a_backbone_file_is_read_back_the_same(backbone_file: Path, network: I3D) -> None:
    opened = open_i3d(backbone_file)
    assert opened.labels == ("climb", "fall", "jump", "run", "swim")
    assert opened.ledger.count("used") + opened.ledger.count("renamed") == len(opened.ledger.entries)
    for name, tensor in network.state_dict().items():
        assert torch.equal(opened.network.state_dict()[name], tensor), name
    with safe_open(backbone_file, "pt") as file:
        assert file.metadata()["kind"] == "i3d"
        assert file.metadata()["backbone_hash"] == hash_of(network)


def test_its_classifier_is_a_question_of_the_model_around_it(
    tmp_path: Path, backbone_file: Path, network: I3D, bert_folder: Any, bert_state: dict[str, Tensor]
) -> None:
    out = tmp_path / "model"
    import_checkpoint("bert", bert_folder(bert_state), out, backbone=backbone_file, visual_tokens=7, dtype="float32")
    config = ModelConfig.read(out / "config.json")
    assert (config.backbone.kind, config.backbone.width, config.backbone.feature_dim) == ("i3d", 0.125, 64)
    question = config.questions["action"]
    assert question.answered_by == "features"
    assert question.labels == ("climb", "fall", "jump", "run", "swim")
    recipe = Recipe.from_json(json.loads((out / "recipe.json").read_text()))
    assert (recipe.fps, recipe.frames, recipe.short_side, recipe.crop) == (25, 64, 256, 224)
    assert recipe.mean == recipe.std == (0.5, 0.5, 0.5)
    backbone, model = load_weights(out)
    assert isinstance(backbone, I3D)
    assert hash_of(backbone) == hash_of(network)
    assert network.classifier is not None
    for name, tensor in network.classifier.state_dict().items():
        assert torch.equal(model.feature_heads["action"].state_dict()[name], tensor)


def test_four_hundred_classes_are_those_of_kinetics(tmp_path: Path, network: I3D) -> None:
    state = _port(network)
    state["logits.conv3d.weight"] = torch.zeros(400, 64, 1, 1, 1)
    state["logits.conv3d.bias"] = torch.zeros(400)
    torch.save(state, tmp_path / "rgb.pt")
    assert open_i3d(tmp_path / "rgb.pt").labels == kinetics400()


def test_a_network_without_classifier_has_no_question(tmp_path: Path, network: I3D) -> None:
    save_file({n: t for n, t in _port(network).items() if "logits" not in n}, tmp_path / "rgb.safetensors")
    opened = open_i3d(tmp_path / "rgb.safetensors")
    assert opened.network.classifier is None
    assert opened.labels == ()
    with pytest.raises(ModelError, match=r"labels are not as many.*got 2; allowed: 0"):
        open_i3d(tmp_path / "rgb.safetensors", labels=("a", "b"))


def test_labels_must_be_as_many_as_classes(tmp_path: Path, source: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\n")
    with pytest.raises(ModelError, match=r"labels are not as many.*got 2; allowed: 5"):
        import_checkpoint("i3d", source, tmp_path / "out.safetensors", labels=tmp_path / "labels.txt")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("strict", [True, False])
def test_a_hole_is_refused_however_lenient(tmp_path: Path, network: I3D, strict: bool) -> None:
    state = _port(network)
    del state["Mixed_4d.b2b.bn.running_var"]
    torch.save(state, tmp_path / "rgb.pt")
    with pytest.raises(ModelError, match=r"Mixed_4d\.b2b\.bn\.running_var"):
        open_i3d(tmp_path / "rgb.pt", strict=strict)


def test_a_stranger_tensor_is_refused_unless_lenient(tmp_path: Path, network: I3D) -> None:
    torch.save(_port(network) | {"fc.weight": torch.ones(3, 2)}, tmp_path / "rgb.pt")
    with pytest.raises(ModelError, match=r"fc\.weight \[3, 2\]"):
        open_i3d(tmp_path / "rgb.pt")
    assert open_i3d(tmp_path / "rgb.pt", strict=False).ledger.count("unexplained") == 1


@pytest.mark.parametrize("name", ["model.ckpt", "model.ckpt.index", "model.ckpt.meta"])
def test_tensorflow_files_are_refused_with_a_way_out(tmp_path: Path, name: str) -> None:
    for ending in (".index", ".meta", ".data-00000-of-00001"):
        (tmp_path / f"model.ckpt{ending}").write_bytes(b"\0")
    with pytest.raises(ModelError, match=r"not read without TensorFlow.*\.npz"):
        open_i3d(tmp_path / name)


def test_what_is_no_i3d_is_refused(tmp_path: Path, small_s3d_file: Path) -> None:
    assert not is_i3d(small_s3d_file)
    with pytest.raises(ModelError, match="not an I3D checkpoint"):
        open_i3d(small_s3d_file)
    (tmp_path / "weights.ckpt").write_bytes(b"\x80\x04cposix\nsystem\n.")
    with pytest.raises(ModelError):
        open_i3d(tmp_path / "weights.ckpt")
    with pytest.raises(ModelError, match="does not exist"):
        open_i3d(tmp_path / "nothing.pt")


def test_damaged_labels_in_a_backbone_file_are_refused(tmp_path: Path, backbone_file: Path) -> None:
    save_file(load_file(backbone_file), tmp_path / "i3d.safetensors", metadata={"labels": "{"})
    with pytest.raises(ModelError, match="labels that cannot be read"):
        open_i3d(tmp_path / "i3d.safetensors")


def test_a_file_is_not_written_over(tmp_path: Path, source: Path) -> None:
    (tmp_path / "mine.safetensors").write_text("mine")
    with pytest.raises(InputError, match="taken"):
        import_checkpoint("i3d", source, tmp_path / "mine.safetensors")
