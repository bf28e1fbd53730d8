"""What cannot be built is told before any work, with the command that mends it."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from videobert.base.errors import InputError, MismatchError, ModelError, UsageError
from videobert.families.build_check import check_buildable
from videobert.visual.codebook import Codebook


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "copy"))


def edit(folder: Path, name: str, **changes: Any) -> None:
    fields = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(fields | changes))


def test_a_whole_folder_passes_whether_built_or_not(folder: Path) -> None:
    checked = check_buildable(folder)
    assert checked.codebook is not None
    assert checked.config.name == "tiny"
    shutil.rmtree(folder / "graphs")
    (folder / "manifest.json").unlink()
    assert check_buildable(folder, folder.parent / "new" / "deep").recipe == checked.recipe
    (folder / "codebook.safetensors").unlink()
    assert check_buildable(folder).codebook is None


def test_a_copy_is_written_over_nothing_but_an_earlier_copy(folder: Path, tmp_path: Path) -> None:
    earlier, other, full = (tmp_path / name for name in ("earlier", "other", "full"))
    shutil.copytree(folder, earlier)
    shutil.copytree(folder, other)
    weights = load_file(other / "model.safetensors")
    save_file({name: values + 1 for name, values in weights.items()}, other / "model.safetensors")
    full.mkdir()
    (full / "config.json").write_text("of another project")
    (tmp_path / "empty").mkdir()
    for place in (folder, earlier, tmp_path / "empty", tmp_path / "new"):
        check_buildable(folder, place)
    for place in (other, full):
        with pytest.raises(UsageError, match="the place to write to is taken"):
            check_buildable(folder, place)
    with pytest.raises(UsageError, match="cannot lie in the folder itself"):
        check_buildable(folder, folder / "built")


@pytest.mark.parametrize("name", ["config.json", "recipe.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"\xff{", b"[]", b"[" * 100_000], ids=repr)
def test_a_missing_or_damaged_file_is_named(folder: Path, name: str, content: bytes | None) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError) as refused:
        check_buildable(folder)
    assert name in refused.value.what
    assert refused.value.fix


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x08\0\0\0\0\0\0\0{}      "], ids=repr)
def test_a_damaged_codebook_is_named(folder: Path, content: bytes) -> None:
    (folder / "codebook.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"codebook\.safetensors"):
        check_buildable(folder)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"leaves": 9}, "does not fit config.json; got 9 visual tokens of 32 values; allowed: 64 of 32"),
        ({"backbone_hash": "f" * 16}, "was made for another backbone than this folder's"),
        ({"clip_hash": "f" * 16}, "was made for another clip recipe than this folder's"),
    ],
    ids=["size", "backbone", "recipe"],
)
def test_a_codebook_of_something_else_says_what_fits_the_model_to_another(
    folder: Path, change: dict[str, Any], what: str
) -> None:
    path = folder / "codebook.safetensors"
    codebook = Codebook.load(path)
    fields = {"leaves": codebook.leaves[:9], "levels": None} if "leaves" in change else change
    dataclasses.replace(codebook, **fields).save(path)
    with pytest.raises(MismatchError) as refused:
        check_buildable(folder)
    assert what in str(refused.value)
    assert f"`videobert cluster VIDEOS --model {folder} --replace`" in refused.value.fix


def test_damaged_weights_are_blamed_and_not_the_codebook(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.startswith("backbone."))
    tensors[name] = tensors[name] + np.float16(1)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(MismatchError, match=r"^model\.safetensors was damaged or changed since the last build") as told:
        check_buildable(folder)
    assert told.value.fix == "Copy model.safetensors again from where the model came."
    edit(folder, "recipe.json", fps="25")
    (folder / "manifest.json").unlink()
    with pytest.raises(MismatchError, match=r"^codebook\.safetensors was made for another backbone"):
        check_buildable(folder)


@pytest.mark.parametrize(
    ("name", "changes", "what"),
    [
        ("config.json", {"visual_tokens": 65}, "model.safetensors does not hold the model that config.json describes"),
        ("config.json", {"words": 0}, "config.json: words is out of range"),
        ("config.json", {"colour": 1}, "config.json does not have the fields it should"),
        ("recipe.json", {"frames": 13}, "recipe.json: the clip is too small for S3D; got 13 frames, crop 48"),
        ("recipe.json", {"crop": 16}, "recipe.json: the clip is too small for S3D; got 15 frames, crop 16"),
        ("recipe.json", {"crop": 300}, "recipe field crop, short_side is out of range"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_sizes_that_cannot_be_are_told(folder: Path, name: str, changes: dict[str, Any], what: str) -> None:
    edit(folder, name, **changes)
    with pytest.raises(ModelError) as refused:
        check_buildable(folder)
    assert what in str(refused.value)
    assert refused.value.fix


@pytest.mark.parametrize("kind", ["s3d", "i3d"])
def test_the_smallest_clip_that_passes_is_one_that_the_network_takes(kind: Literal["s3d", "i3d"]) -> None:
    import torch

    from videobert.families.build_check import _LEAST
    from videobert_modeling.models import I3D, S3D

    frames, crop = _LEAST[kind]
    network = {"s3d": S3D, "i3d": I3D}[kind](0.125, 32).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, frames, crop, crop)).shape == (1, 32)
        with pytest.raises((RuntimeError, InputError)):
            network(torch.zeros(1, 3, frames, crop - 1, crop - 1))
        with pytest.raises(InputError):
            network(torch.zeros(1, 3, frames - 1, crop, crop))


@pytest.mark.parametrize("kind", ["s3dg", "resnet50"])
def test_a_network_that_ends_in_a_mean_takes_the_smallest_clip(kind: Literal["s3dg", "resnet50"]) -> None:
    import torch

    from videobert.families.build_check import _EVEN, _LEAST
    from videobert_modeling.models import S3DG, ResNet

    frames, crop = _LEAST[kind]
    network = {"s3dg": S3DG(0.125, 256), "resnet50": ResNet(50, 0.125)}[kind].eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, frames, crop, crop)).shape == (1, 256)
        if kind in _EVEN:
            with pytest.raises(InputError):
                network(torch.zeros(1, 3, frames + 1, crop, crop))


def test_an_odd_clip_is_told_where_the_backbone_takes_none(folder: Path) -> None:
    edit(folder, "config.json", backbone={"kind": "s3dg", "width": 0.125, "feature_dim": 32})
    edit(folder, "recipe.json", frames=15)
    with pytest.raises(ModelError, match=r"S3D-G takes even sizes only; got 15 frames.*allowed: even numbers"):
        check_buildable(folder)


def test_a_tokenizer_of_another_model_is_told(folder: Path) -> None:
    fields = json.loads((folder / "tokenizer.json").read_text())
    fields["model"]["vocab"] |= {f"x{index}": index for index in range(21, 200)}
    (folder / "tokenizer.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match="more words than the model; got 200; allowed: 128"):
        check_buildable(folder)


def test_a_place_that_cannot_be_written_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="nothing can be written there"):
            check_buildable(folder, out)
    shutil.rmtree(folder / "graphs")
    (folder / "graphs").symlink_to(tmp_path)
    with pytest.raises(ModelError, match="graphs of the model folder is a link"):
        check_buildable(folder)


def test_the_look_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from videobert.families.build_check import check_buildable; "
        f"check_buildable(Path({str(folder)!r})); print([name for name in ('torch', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
