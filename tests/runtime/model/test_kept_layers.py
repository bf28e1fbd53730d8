"""Layers to keep: read, checked against a model, and refused where they are not what they must be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from videobert.base.errors import InputError, MismatchError
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.kept_layers import KeptLayers, kept_layers, read_kept_layers, weights_name
from videobert.model.manifest import write_manifest


def good(**changes: object) -> dict[str, object]:
    return {"format": 1, "weights": "0123456789abcdef", "stages": {"backbone": ["a", "b/c", "a"]}} | changes


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kept = kept_layers(good())
    assert kept.of("backbone") == {"a", "b/c"}
    assert kept.of("encoder") == frozenset()
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(kept.to_json()))
    assert read_kept_layers(path) == kept


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"weights": None},
        {"weights": "a" * 1000},
        {"stages": ["backbone"]},
        {"stages": {"backbone": "node"}},
        {"stages": {"backbone": [1]}},
        {"stages": {"backbone": [""]}},
        {"stages": {"backbone": ["x" * 513]}},
        {"stages": {"backbone": ["x"] * 100_001}},
    ],
)
def test_what_is_not_such_a_file_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="the file of layers to keep"):
        kept_layers(good(**changes))


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"[]", b" " * ((4 << 20) + 1)])
def test_damaged_content_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="the file of layers to keep"):
        read_kept_layers(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_kept_layers(tmp_path / "none.json")


def test_they_belong_to_one_model_whatever_else_its_folder_holds(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(BUNDLED / "shapes", folder)
    own = weights_name(ModelFolder(folder))
    assert own == weights_name(ModelFolder("shapes"))
    KeptLayers(weights=own, stages={"backbone": ("node_relu",)}).check(ModelFolder(folder))
    with pytest.raises(InputError, match="does not have"):
        KeptLayers(weights=own, stages={"shot_boundaries": ("x",)}).check(ModelFolder(folder))

    (folder / "graphs" / "backbone.int8.onnx").write_bytes(b"another precision")
    write_manifest(folder)
    assert weights_name(ModelFolder(folder)) == own
    (folder / "graphs" / "backbone.onnx").write_bytes(b"other weights")
    write_manifest(folder)
    with pytest.raises(MismatchError, match="another model"):
        KeptLayers(weights=own).check(ModelFolder(folder))
