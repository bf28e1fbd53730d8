"""S3D under Kyle Min's names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared.backbones import read_backbone, recipe_for
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d
from videobert_modeling.models import S3D


def _theirs(name: str) -> str:
    """Its names by another way than ours: place by place, as its network is put together."""
    name = name.replace("features.", "base.").replace("classifier.1", "fc.0")
    pair = r"(base\.(?:[03]|\d+\.branch[12]\.1))\."
    for half, letter in (("0", "s"), ("1", "t")):
        name = re.sub(pair + half + r"\.0\.", rf"\1.conv_{letter}.", name)
        name = re.sub(pair + half + r"\.1\.", rf"\1.bn_{letter}.", name)
    single = r"(base\.(?:2|\d+\.branch[12]\.0|\d+\.branch3\.1))\."
    name = re.sub(single + r"0\.", r"\1.conv.", name)
    name = re.sub(single + r"1\.", r"\1.bn.", name)
    name = re.sub(r"(branch0)\.0\.", r"\1.0.conv.", name)
    return re.sub(r"(branch0)\.1\.", r"\1.0.bn.", name)


@pytest.fixture(scope="module")
def network() -> S3D:
    torch.manual_seed(2)
    return S3D(0.125, 32, 5).eval()


@pytest.fixture(scope="module")
def state(network: S3D) -> dict[str, Tensor]:
    return {_theirs(name): tensor for name, tensor in network.state_dict().items()}


def test_names_are_those_of_its_code(state: dict[str, Tensor]) -> None:
    some = {
        "base.0.conv_s.weight", "base.0.bn_t.running_var", "base.2.conv.weight", "base.3.conv_t.weight",
        "base.5.branch0.0.conv.weight", "base.5.branch0.0.bn.bias", "base.8.branch1.0.bn.weight",
        "base.12.branch2.1.conv_s.weight", "base.15.branch3.1.bn.running_mean", "fc.0.weight", "fc.0.bias",
    }  # fmt: skip
    assert some <= state.keys()


def test_the_network_is_the_same(tmp_path: Path, network: S3D, state: dict[str, Tensor]) -> None:
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "S3D_kinetics400.pt")
    read, ledger = read_s3d(tmp_path / "S3D_kinetics400.pt", classifier=True)
    assert ledger.kind == "Kyle Min's S3D"
    assert ledger.count("unexplained") == 0
    assert all(torch.equal(tensor, read.state_dict()[name]) for name, tensor in network.state_dict().items())
    _, without = read_s3d(tmp_path / "S3D_kinetics400.pt")
    assert {e.name for e in without.entries if "not part of the feature" in e.reason} == {"fc.0.weight", "fc.0.bias"}


def test_its_pixels_are_not_torchvisions(tmp_path: Path, state: dict[str, Tensor], small_s3d_file: Path) -> None:
    source, out = tmp_path / "S3D_kinetics400.pt", tmp_path / "s3d.safetensors"
    torch.save(state, source)
    import_checkpoint("s3d", source, out)
    assert read_backbone(out).config.kind == "s3d"
    for file in (source, out):
        assert recipe_for(file).mean == recipe_for(file).std == (0.5, 0.5, 0.5)
    assert recipe_for(small_s3d_file).mean == (0.43216, 0.394666, 0.37645)


def test_a_hole_is_told_by_our_name(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save({n: t for n, t in state.items() if n != "base.9.branch2.1.bn_t.bias"}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"features\.9\.branch2\.1\.1\.1\.bias \(missing\)"):
        read_s3d(tmp_path / "w.pt")
