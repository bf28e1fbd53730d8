"""MIL-NCE's S3D-G from its checkpoint to a backbone file."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from videobert.base.errors import InputError, ModelError
from videobert.model.recipe import Recipe
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared.backbones import read_backbone, recipe_for
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.s3dg_layout import read_s3dg, take_backbone
from videobert_modeling.importers.shared.visual_side import visual_side
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3DG
from videobert_modeling.models.weights import hash_of

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def network() -> S3DG:
    torch.manual_seed(1)
    return S3DG(0.125, 64).eval()


@pytest.fixture(scope="module")
def state(network: S3DG) -> State:
    """A narrow network with both towers, as MIL-NCE would save it."""
    joint = {"fc.weight": (16, 64), "fc.bias": (16,), "text_module.word_embd.weight": (9, 12)}
    return network.state_dict() | {name: torch.ones(shape) for name, shape in joint.items()}


@pytest.mark.parametrize("wrap", [dict, lambda s: {"state_dict": {f"module.{n}": t for n, t in s.items()}}])
def test_the_network_is_read_and_its_joint_space_left_out(
    tmp_path: Path, network: S3DG, state: State, wrap: Callable[[State], object]
) -> None:
    torch.save(wrap(state), tmp_path / "s3d_howto100m.pth")
    read, ledger = read_s3dg(tmp_path / "s3d_howto100m.pth")
    assert not read.training
    assert all(torch.equal(tensor, read.state_dict()[name]) for name, tensor in network.state_dict().items())
    reasons = {entry.name: entry.reason for entry in ledger.entries if entry.status == "ignored"}
    assert reasons["fc.weight"] == reasons["text_module.word_embd.weight"] != reasons["conv1.bn1.num_batches_tracked"]
    assert ledger.count("unexplained") == 0


def test_every_published_name_is_known(milnce_state: State) -> None:
    ledger = Ledger("MIL-NCE", "s3d_howto100m.pth")
    intake = Intake(milnce_state, ledger)
    take_backbone(intake)
    assert {name.split(".")[0] for name in intake.left} == {"fc", "text_module"}


def test_a_backbone_file_is_read_back_the_same_with_its_recipe(tmp_path: Path, network: S3DG, state: State) -> None:
    torch.save(state, tmp_path / "s3dg.pth")
    out = tmp_path / "s3dg.safetensors"
    import_checkpoint("s3dg", tmp_path / "s3dg.pth", out)
    read = read_backbone(out)
    assert isinstance(read.network, S3DG)
    assert (read.config.kind, read.config.width, read.config.feature_dim) == ("s3dg", 0.125, 64)
    assert (read.questions, read.heads) == ({}, {})
    with safe_open(out, "pt") as file:
        assert file.metadata()["kind"] == "s3dg"
        assert file.metadata()["backbone_hash"] == hash_of(network) == hash_of(read.network)
    for source in (out, tmp_path / "s3dg.pth"):
        recipe = recipe_for(source)
        assert (recipe.fps, recipe.frames, recipe.short_side, recipe.crop) == (16, 16, 224, 224)
        assert (recipe.mean, recipe.std) == ((0, 0, 0), (1, 1, 1))


def test_another_recipe_goes_into_the_file(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "s3dg.pth")
    recipe = Recipe(fps=Fraction(8), frames=32, short_side=200, crop=200)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
    import_checkpoint("s3dg", tmp_path / "s3dg.pth", tmp_path / "a.safetensors", recipe=tmp_path / "recipe.json")
    assert recipe_for(tmp_path / "a.safetensors") == recipe
    save_file(load_file(tmp_path / "a.safetensors"), tmp_path / "b.safetensors", metadata={"recipe": '{"fps": "8"}'})
    with pytest.raises(ModelError, match=r"b\.safetensors holds a recipe that cannot be read"):
        recipe_for(tmp_path / "b.safetensors")


@pytest.mark.parametrize("strict", [True, False])
def test_a_hole_is_refused_however_lenient(tmp_path: Path, state: State, strict: bool) -> None:
    torch.save({n: t for n, t in state.items() if n != "mixed_4d.gating_b2.fc.bias"}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"mixed_4d\.gating_b2\.fc\.bias \(missing\)"):
        read_s3dg(tmp_path / "w.pt", strict=strict)


def test_a_stranger_a_transposed_and_a_broken_tensor_are_refused(tmp_path: Path, state: State) -> None:
    torch.save(state | {"head.weight": torch.ones(3, 2)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"head\.weight \[3, 2\]"):
        read_s3dg(tmp_path / "w.pt")
    assert read_s3dg(tmp_path / "w.pt", strict=False)[1].count("unexplained") == 1
    name = "mixed_3b.conv_b1_a.conv1.weight"
    torch.save(state | {name: state[name].transpose(0, 1).contiguous()}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=rf"{name} has another shape"):
        read_s3dg(tmp_path / "w.pt")
    torch.save(state | {name: state[name] * float("nan")}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=rf"{name} holds a NaN"):
        read_s3dg(tmp_path / "w.pt")


def test_another_network_is_refused_and_nothing_is_written(tmp_path: Path, small_s3d_file: Path, state: State) -> None:
    with pytest.raises(ModelError, match="not an S3D-G checkpoint"):
        import_checkpoint("s3dg", small_s3d_file, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    torch.save(state, tmp_path / "s3dg.pth")
    with pytest.raises(ModelError, match="not an S3D checkpoint"):
        import_checkpoint("s3d", tmp_path / "s3dg.pth", tmp_path / "out.safetensors")
    (tmp_path / "mine.safetensors").write_text("mine")
    with pytest.raises(InputError, match="taken"):
        import_checkpoint("s3dg", tmp_path / "s3dg.pth", tmp_path / "mine.safetensors")


def test_clips_of_odd_sizes_are_refused_before_a_model_is_written_around_it(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "s3dg.pth")
    with pytest.raises(ModelError, match="S3D-G takes even sizes only; got 15 frames") as refused:
        visual_side(tmp_path / "s3dg.pth", None, Recipe(frames=15), Ledger("text", "made"))
    assert "--recipe" in str(refused.value.fix)
    visual_side(tmp_path / "s3dg.pth", None, Recipe(frames=16), Ledger("text", "made"))
