"""ResNets from torchvision's checkpoints to a backbone file, and from there to a question of a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from videobert.base.errors import InputError, ModelError
from videobert.get.label_files import imagenet1k
from videobert.model.config import ModelConfig
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared.backbones import read_backbone, recipe_for
from videobert_modeling.importers.shared.resnet_layout import read_resnet
from videobert_modeling.models import ResNet, load_weights
from videobert_modeling.models.backbones.resnet import Depth
from videobert_modeling.models.weights import hash_of

State = dict[str, Tensor]


def _theirs(network: ResNet) -> State:
    """A state dict as torchvision saves it."""
    return {name.replace("classifier.", "fc."): tensor for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="module")
def network() -> ResNet:
    torch.manual_seed(1)
    return ResNet(50, 0.125, classes=5).eval()


@pytest.fixture(scope="module")
def state(network: ResNet) -> State:
    return _theirs(network)


@pytest.mark.parametrize("wrap", [dict, lambda s: {"model": {f"module.{n}": t for n, t in s.items()}, "epoch": 3}])
def test_the_network_is_read_with_its_classifier(
    tmp_path: Path, network: ResNet, state: State, wrap: Callable[[State], object]
) -> None:
    torch.save(wrap(state), tmp_path / "resnet50.pth")
    opened = read_resnet(tmp_path / "resnet50.pth")
    assert not opened.network.training
    assert opened.labels == tuple("01234")
    assert all(torch.equal(t, opened.network.state_dict()[n]) for n, t in network.state_dict().items())
    assert opened.ledger.count("renamed") == 2
    assert opened.ledger.count("unexplained") == 0


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_the_depth_is_told_by_the_names(tmp_path: Path, depth: Depth) -> None:
    torch.save(_theirs(ResNet(depth, 0.125)), tmp_path / "w.pt")
    read = read_backbone(tmp_path / "w.pt")
    assert (read.config.kind, read.config.width, read.config.feature_dim) == (f"resnet{depth}", 0.125, 256)
    assert read.questions == {}


def test_the_published_checkpoint_is_known_with_the_labels_of_imagenet(tmp_path: Path, resnet50_state: State) -> None:
    torch.save(resnet50_state, tmp_path / "resnet50.pth")
    opened = read_resnet(tmp_path / "resnet50.pth")
    assert opened.labels == imagenet1k()
    assert opened.network.feature_dim == 2048
    assert {entry.reason for entry in opened.ledger.entries if entry.status == "ignored"} == {"a training counter"}


def test_its_classifier_is_a_question_of_the_model_around_it(
    tmp_path: Path, network: ResNet, state: State, bert_folder: Any, bert_state: State
) -> None:
    torch.save(state, tmp_path / "resnet50.pth")
    (tmp_path / "labels.txt").write_text("cat\ndog\neel\nfox\ngnu\n")
    file, out = tmp_path / "resnet.safetensors", tmp_path / "model"
    import_checkpoint("resnet", tmp_path / "resnet50.pth", file, labels=tmp_path / "labels.txt")
    import_checkpoint("bert", bert_folder(bert_state), out, backbone=file, visual_tokens=7, dtype="float32")
    config = ModelConfig.read(out / "config.json")
    assert (config.backbone.kind, config.backbone.width, config.backbone.feature_dim) == ("resnet50", 0.125, 256)
    question = config.questions["object"]
    assert (question.answered_by, question.labels) == ("features", ("cat", "dog", "eel", "fox", "gnu"))
    recipe = recipe_for(file)
    assert (recipe.fps, recipe.frames, recipe.short_side, recipe.crop) == (2, 3, 256, 224)
    assert (recipe.mean, recipe.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    backbone, model = load_weights(out)
    assert isinstance(backbone, ResNet)
    assert hash_of(backbone) == hash_of(network)
    assert torch.equal(model.feature_heads["object"].weight, state["fc.weight"])


def test_labels_must_be_as_many_as_classes(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"labels are not as many.*got 2; allowed: 5"):
        read_resnet(tmp_path / "w.pt", labels=("a", "b"))


@pytest.mark.parametrize("strict", [True, False])
def test_a_hole_is_refused_however_lenient(tmp_path: Path, state: State, strict: bool) -> None:
    torch.save({n: t for n, t in state.items() if n != "layer3.4.bn2.running_mean"}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"layer3\.4\.bn2\.running_mean \(missing\)"):
        read_resnet(tmp_path / "w.pt", strict=strict)


def test_a_stranger_and_a_transposed_tensor_are_refused(tmp_path: Path, state: State) -> None:
    torch.save(state | {"neck.weight": torch.ones(3, 2)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"neck\.weight \[3, 2\]"):
        read_resnet(tmp_path / "w.pt")
    assert read_resnet(tmp_path / "w.pt", strict=False).ledger.count("unexplained") == 1
    for name in ("fc.weight", "layer1.0.conv3.weight", "conv1.weight"):
        torch.save(state | {name: state[name].transpose(0, 1).contiguous()}, tmp_path / "w.pt")
        with pytest.raises(ModelError, match="has another shape"):
            read_resnet(tmp_path / "w.pt")


def test_a_network_of_other_blocks_is_refused_with_those_that_are_read(tmp_path: Path, state: State) -> None:
    torch.save({n: t for n, t in state.items() if not n.startswith("layer2.3.")}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"3, 3, 6, 3 blocks of three convolutions.*3, 4, 23, 3 of three \(101 layers"):
        read_resnet(tmp_path / "w.pt")
    # ResNet-34 has as many blocks, of two convolutions each.
    torch.save({n: t for n, t in state.items() if "conv3" not in n and "bn3" not in n}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"3, 4, 6, 3 blocks of two convolutions"):
        read_resnet(tmp_path / "w.pt")


def test_another_network_is_refused_and_nothing_is_written_over(
    tmp_path: Path, small_s3d_file: Path, state: State
) -> None:
    with pytest.raises(ModelError, match="not a ResNet checkpoint"):
        import_checkpoint("resnet", small_s3d_file, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    torch.save(state, tmp_path / "w.pt")
    (tmp_path / "mine.safetensors").write_text("mine")
    with pytest.raises(InputError, match="taken"):
        import_checkpoint("resnet", tmp_path / "w.pt", tmp_path / "mine.safetensors")


@pytest.mark.parametrize("shape", [(), (0,), (5, 1)])
def test_a_classifier_without_classes_is_refused(tmp_path: Path, state: State, shape: tuple[int, ...]) -> None:
    torch.save(state | {"fc.bias": torch.ones(shape)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"tensor fc\.bias has another shape"):
        read_resnet(tmp_path / "w.pt")
