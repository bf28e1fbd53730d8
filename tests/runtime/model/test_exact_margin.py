"""`exact.json`: read where it belongs to the folder, refused where not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.real_everyday import needs_everyday

from videobert.base.errors import ModelError
from videobert.model.exact_margin import EXACT_FILE, ExactMargin, exact_margin, write_exact_margin
from videobert.model.folder import ModelFolder
from videobert.model.manifest import write_manifest
from videobert.visual.codebook import Codebook


def margin(folder: ModelFolder, **changes: Any) -> ExactMargin:
    fields: dict[str, Any] = {"tree": 0.002, "clips": 100, "again": 0.02, "left": 0.0005}
    fields |= {"backbone": folder.digest("graphs/backbone.onnx"), "codebook": "c0", "flat": 0.001} | changes
    return ExactMargin(**fields)


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    place = tmp_path / "model"
    shutil.copytree(model_folder, place)
    return place


def written(place: Path, **changes: Any) -> ModelFolder:
    write_exact_margin(place, margin(ModelFolder(place), **changes))
    write_manifest(place)
    return ModelFolder(place)


def test_what_is_written_is_read(folder: Path) -> None:
    found = exact_margin(written(folder), "c0")
    assert found == margin(ModelFolder(folder))
    assert (found.of("flat"), found.of("tree")) == (0.001, 0.002)
    assert exact_margin(written(folder, tree=None), "c0").of("tree") == 0.001


def test_a_folder_without_one_says_how_to_measure(folder: Path) -> None:
    with pytest.raises(ModelError, match="nobody has measured") as refused:
        exact_margin(ModelFolder(folder), "c0")
    assert "--clips" in str(refused.value.fix)


def test_that_of_another_backbone_or_codebook_is_refused(folder: Path) -> None:
    opened = written(folder)
    with pytest.raises(ModelError, match="another backbone or codebook"):
        exact_margin(opened, "c1")
    with pytest.raises(ModelError, match="another backbone or codebook"):
        exact_margin(written(folder, backbone="0" * 64), "c0")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"flat": None},
        {"flat": -1.0},
        {"flat": float("nan")},
        {"flat": "0.1"},
        {"tree": True},
        {"clips": 1.5},
        {"clips": 10**400},
        {"backbone": 3},
        {"left": float("inf")},
    ],
)
def test_a_damaged_one_is_refused(folder: Path, change: dict[str, Any]) -> None:
    content = margin(ModelFolder(folder)).to_json() | change
    (folder / EXACT_FILE).write_text(json.dumps(content))
    write_manifest(folder)
    with pytest.raises(ModelError, match=EXACT_FILE):
        exact_margin(ModelFolder(folder), "c0")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 50_000, b"[]", b"1"])
def test_what_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / EXACT_FILE).write_bytes(content)
    write_manifest(folder)
    with pytest.raises(ModelError, match=EXACT_FILE):
        exact_margin(ModelFolder(folder), "c0")


@needs_everyday
def test_of_the_model_that_is_got_it_is_known() -> None:
    folder = ModelFolder("everyday")
    assert EXACT_FILE not in folder
    found = exact_margin(folder, Codebook.load(folder.path("codebook.safetensors")).hash)
    assert 0 < found.flat < 0.01
    assert found.tree is None
