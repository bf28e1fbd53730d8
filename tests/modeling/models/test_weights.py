"""model.safetensors: what is written is what is read, and everything else is refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from videobert.base.errors import ModelError
from videobert_modeling.models import S3D, VideoBert, load_weights, save_weights, tiny


def _random() -> tuple[S3D, VideoBert]:
    torch.manual_seed(0)
    config = tiny()
    backbone = S3D(config.backbone.width, config.backbone.feature_dim, classes=5).eval()
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return backbone, VideoBert(config).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(tiny().to_json()))
    backbone, model = _random()
    save_weights(model, backbone, tmp_path / "model.safetensors")
    return tmp_path


def test_what_is_read_is_what_was_written_in_half_precision(folder: Path):
    backbone, model = _random()
    read_backbone, read_model = load_weights(folder)
    assert not read_backbone.training
    for ours, theirs in ((backbone, read_backbone), (model, read_model)):
        wanted = ours.state_dict()
        for name, tensor in theirs.state_dict().items():
            assert tensor.dtype == wanted[name].dtype, name
            assert torch.equal(tensor, wanted[name].half().to(tensor.dtype)), name


def test_reading_and_writing_again_gives_the_same_bytes(folder: Path):
    backbone, model = load_weights(folder)
    save_weights(model, backbone, folder / "again.safetensors")
    assert (folder / "again.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "again.safetensors"}


def test_single_precision_can_be_kept(folder: Path):
    backbone, model = _random()
    save_weights(model, backbone, folder / "model.safetensors", torch.float32)
    _, read = load_weights(folder)
    assert torch.equal(read.encoder.tokens.weight, model.encoder.tokens.weight)


@pytest.mark.parametrize("name", ["backbone.features.2.0.weight", "encoder.layers.1.inner.bias", "heads.bias"])
def test_a_missing_tensor_is_named(folder: Path, name: str):
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=f"missing {name}"):
        load_weights(folder)


def test_an_unexpected_tensor_is_named(folder: Path):
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.surplus"] = torch.zeros(2)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"unexpected encoder\.surplus"):
        load_weights(folder)


@pytest.mark.parametrize(
    "value",
    [torch.zeros(3), torch.zeros(64, dtype=torch.int32), torch.full((64,), torch.nan)],
    ids=["shape", "integer", "nan"],
)
def test_a_tensor_that_cannot_be_right_is_named(folder: Path, value: torch.Tensor):
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.norm.bias"] = value
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"encoder\.norm\.bias"):
        load_weights(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x80\x04K\x01."], ids=["empty", "noise", "pickle"])
def test_a_damaged_file_is_a_model_error(folder: Path, content: bytes):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_weights(folder)


def test_weights_beyond_half_precision_are_refused_before_writing(folder: Path):
    backbone, model = _random()
    before = (folder / "model.safetensors").read_bytes()
    with torch.no_grad():
        model.heads.bias[3] = 1e6
    with pytest.raises(ModelError, match=r"heads\.bias"):
        save_weights(model, backbone, folder / "model.safetensors")
    assert (folder / "model.safetensors").read_bytes() == before


def test_the_documentation_names_every_tensor_and_no_other(folder: Path):
    page = (Path(__file__).parents[3] / "docs" / "model-folder.md").read_text(encoding="utf-8")
    section = page.partition("\n## Weights\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `((?:backbone|encoder|heads)\.\S+)` \|", section, re.MULTILINE)
    patterns = {row: re.compile(_pattern(row)) for row in rows}
    names = load_file(folder / "model.safetensors")
    described = {name: [row for row, pattern in patterns.items() if pattern.fullmatch(name)] for name in names}
    assert [name for name, found in described.items() if len(found) != 1] == []
    assert {row for found in described.values() for row in found} == set(rows)


def _pattern(row: str) -> str:
    pattern = re.sub(r"\{([\d,]+)\}", lambda found: f"({found[1].replace(',', '|')})", row.replace(".", r"\."))
    pattern = pattern.replace(".N", r".\d+").replace("KIND", "(weight|bias)")
    return pattern.replace("CONV", r"(0\.weight|1\.(weight|bias|running_mean|running_var))")
