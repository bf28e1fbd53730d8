"""Published networks with weights that follow from the names of their tensors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.modeling.importers.small_univl_checkpoint import RECIPE, masked_heads, write_checkpoint
from tests.modeling.name_seeds import seeded

from videobert_modeling.export import export_folder
from videobert_modeling.importers.univl import import_univl
from videobert_modeling.models import S3D, backbone_tensors


@pytest.fixture(scope="session")
def torchvision_state() -> dict[str, torch.Tensor]:
    """All 8.3 million values of a torchvision S3D state dict, classifier included."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "torchvision_s3d.json").read_text())
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def i3d_state() -> dict[str, torch.Tensor]:
    """A state dict as the PyTorch port of Inception I3D has it, with 400 classes."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "inception_i3d.json").read_text())["shapes"]
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def milnce_state() -> dict[str, torch.Tensor]:
    """A state dict of MIL-NCE's S3D-G with both towers behind it, and 100 words in its table."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "milnce_s3dg.json").read_text())["shapes"]
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def univl_state() -> dict[str, torch.Tensor]:
    """A state dict as UniVL has it, of 500 words; of tensors that are one there, the last one's values hold."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "univl.json").read_text())["shapes"]
    state = {name: seeded(name, shape) for name, shape in shapes.items()}
    tied = {
        "decoder.classifier.cls.predictions.decoder.weight": (
            "bert.embeddings.word_embeddings.weight",
            "decoder.embeddings.word_embeddings.weight",
        ),
        "decoder.embeddings.position_embeddings.weight": ("bert.embeddings.position_embeddings.weight",),
    }
    for last, names in tied.items():
        state |= {name: state[last] for name in names}
    return state


@pytest.fixture(scope="session")
def resnet50_state() -> dict[str, torch.Tensor]:
    """A state dict of torchvision's ResNet-50, with 1,000 classes."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "torchvision_resnet50.json").read_text())["shapes"]
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def whole_univl_state(univl_state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same with the masked heads of pretraining."""
    own = {name: tensor for name, tensor in univl_state.items() if not name.startswith("decoder.")}
    return own | masked_heads(own)


@pytest.fixture(scope="session")
def narrow_s3d(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone file: a narrow S3D with features of 1,024 values."""
    path = tmp_path_factory.mktemp("narrow") / "s3d.safetensors"
    torch.manual_seed(2)
    network = S3D(0.125, 1024)
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 16, 48, 48))
    save_file({f"backbone.{name}": tensor for name, tensor in backbone_tensors(network).items()}, path)
    return path


@pytest.fixture(scope="session")
def univl_folder(
    whole_univl_state: dict[str, torch.Tensor], narrow_s3d: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An imported UniVL, built."""
    place = tmp_path_factory.mktemp("univl")
    source = write_checkpoint(place / "source", whole_univl_state)
    folder = place / "folder"
    import_univl(source, folder, backbone=narrow_s3d, recipe=RECIPE)
    export_folder(folder)
    return folder
