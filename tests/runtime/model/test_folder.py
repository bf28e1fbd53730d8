"""Opening a model folder: manifest, names, links, damaged files; always typed errors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import MismatchError, ModelError
from videobert.families.build_check import check_sizes
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder, backbone_hash, bundled_names, find
from videobert.model.recipe import Recipe


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "copy"))


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file and the manifest with it."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_intact_folder_opens_and_verifies(folder: Path) -> None:
    opened = ModelFolder(folder)
    opened.verify()
    assert opened.config.name == "tiny"
    assert opened.backbone_hash() is not None
    assert "graphs/backbone.onnx" in opened
    assert "graphs/decoder.onnx" not in opened


@pytest.mark.parametrize("name", ["config.json", "recipe.json", "manifest.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        ModelFolder(folder)


def test_a_file_that_was_changed_is_refused_when_it_is_read(folder: Path) -> None:
    path = folder / "graphs" / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    opened = ModelFolder(folder)
    with pytest.raises(MismatchError, match=r"encoder\.onnx"):
        opened.read("graphs/encoder.onnx")
    with pytest.raises(MismatchError, match=r"encoder\.onnx"):
        opened.verify()
    (folder / "config.json").write_bytes(b"{}")
    with pytest.raises(MismatchError, match=r"config\.json"):
        ModelFolder(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "graphs/../../x",
        "graphs//x",
        "./x",
        "a\\b",
        "a\0b",
        "",
        "x" * 300,
        "x/",
        "..",
        "a\nb",
    ],
)
def test_a_manifest_that_names_a_file_outside_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("secret")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="outside the folder"):
        ModelFolder(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "manifest.json", "graphs"])
def test_a_link_that_leads_outside_is_refused(folder: Path, name: str) -> None:
    outside = folder.parent / "outside"
    shutil.move(folder / name, outside)
    (folder / name).symlink_to(outside)
    with pytest.raises(ModelError, match="not a file inside"):
        ModelFolder(folder).read("graphs/encoder.onnx" if name == "graphs" else name)


def test_a_link_inside_the_folder_and_a_folder_behind_a_link_are_fine(folder: Path) -> None:
    shutil.move(folder / "tokenizer.json", folder / "words.json")
    (folder / "tokenizer.json").symlink_to("words.json")
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert ModelFolder(link).read("tokenizer.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"\xff",
        b'{"format": 1}',
        b'{"format": 2, "files": {}}',
        b'{"format": 1, "files": {"a": 1}}',
        b"[" * 100_000,
        b" " * (1 << 21),
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_damaged_manifest_is_a_model_error(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest\.json"):
        ModelFolder(folder)


def mutations(fields: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """One value somewhere replaced by something of another kind, a key dropped or one added."""
    odd: list[Any] = [None, -1, 0, 1.5, "x", [], {}, True, 10**30, [[1]], {"a": 1}, float("inf"), "\ud800"]
    place: Any = fields
    while True:
        key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
        key = str(key) if isinstance(place, dict) else int(key)
        if isinstance(place[key], (dict, list)) and place[key] and random.random() < 0.7:
            place = place[key]
            continue
        choice = random.integers(4)
        if choice == 0 and isinstance(place, dict):
            del place[key]
        elif choice == 1 and isinstance(place, dict):
            place["unknown"] = 1
        else:
            place[key] = odd[random.integers(len(odd))]
        return fields


@pytest.mark.parametrize("name", ["config.json", "recipe.json"])
def test_mutated_json_is_used_or_refused_with_a_typed_error(model_folder: Path, name: str) -> None:
    whole = json.loads((model_folder / name).read_text())
    random = np.random.default_rng(4)
    refused = 0
    for _ in range(150):
        fields = mutations(json.loads(json.dumps(whole)), random)
        try:
            (ModelConfig if name == "config.json" else Recipe).from_json(fields)
        except ModelError:
            refused += 1
    assert refused > 100


def test_a_part_that_no_answer_could_name_is_not_untrained(folder: Path) -> None:
    fields = json.loads((folder / "config.json").read_text())
    rewrite(folder, "config.json", json.dumps(fields | {"untrained": ["text_head", "visual_tokens"]}).encode())
    assert ModelFolder(folder).config.untrained == ("text_head", "visual_tokens")
    rewrite(folder, "config.json", json.dumps(fields | {"untrained": ["cross_pooler"]}).encode())
    with pytest.raises(ModelError, match="untrained names parts that the model does not have; got cross_pooler"):
        ModelFolder(folder)
    with pytest.raises(ModelError, match="untrained names parts"):
        check_sizes(folder)


def test_json_nested_without_end_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 200_000)
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        ModelConfig.read(tmp_path / "config.json")


def test_a_folder_that_is_not_there_names_the_bundled_models(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none", "no-such-model", "a\0b", ""):
        with pytest.raises(ModelError):
            ModelFolder(wrong)
    for name in bundled_names():
        assert find(name).name == name


def test_backbone_hash_is_that_of_the_stored_values() -> None:
    random = np.random.default_rng(0)
    tensors = {"a.weight": random.normal(size=(3, 4)).astype(np.float32), "b": np.ones(2, np.float32)}
    stored = {f"backbone.{name}": value.astype(np.float16) for name, value in reversed(tensors.items())}
    assert backbone_hash(tensors) == backbone_hash(stored)
    assert backbone_hash(tensors | {"a.num_batches_tracked": np.array(7)}) == backbone_hash(tensors)
    others = [
        {**tensors, "b": np.array([1, 1.01], np.float32)},
        {**tensors, "b": np.ones((1, 2), np.float32)},
        {"a.weight": tensors["a.weight"], "c": tensors["b"]},
        {"a.weight": tensors["a.weight"].T, "b": tensors["b"]},
    ]
    assert len({backbone_hash(tensors), *map(backbone_hash, others)}) == 5


def test_a_codebook_of_another_backbone_or_size_is_refused(folder: Path, cache_dir: Path) -> None:
    import dataclasses

    from videobert.runtime import load
    from videobert.visual.codebook import Codebook

    path = folder / "codebook.safetensors"
    codebook = Codebook.load(path)
    for change, message in (
        ({"backbone_hash": "f" * 16}, "another backbone"),
        ({"clip_hash": "f" * 16}, "another clip recipe"),
        ({"leaves": codebook.leaves[:9], "levels": None}, "9 visual tokens"),
    ):
        dataclasses.replace(codebook, **change).save(path)
        rewrite(folder, "codebook.safetensors", path.read_bytes())
        with pytest.raises(MismatchError, match=message):
            load(folder, cache_dir=cache_dir)


@pytest.mark.parametrize(
    ("name", "limit"), [("config.json", 1 << 20), ("recipe.json", 1 << 20), ("tokenizer.json", 64 << 20)]
)
def test_a_text_file_that_is_too_large_is_refused_before_it_is_read_whole(folder: Path, name: str, limit: int) -> None:
    opened = ModelFolder(folder)
    with (folder / name).open("r+b") as file:
        file.truncate(limit + 1)
    with pytest.raises(ModelError, match=f"{name} is too large; allowed: {limit} bytes"):
        opened.read(name)


@pytest.mark.parametrize(
    "change",
    [
        {"words": 10**9},
        {"window_clips": 10**6},
        {"backbone": {"feature_dim": 10**6}},
        {"backbone": {"width": 1e6}},
        {"encoder": {"layers": 100_000}},
        {"encoder": {"width": 1 << 20}},
        {"encoder": {"positions": 1 << 20}},
        {"encoder": {"layer_norm_eps": 2.0}},
    ],
    ids=str,
)
def test_sizes_beyond_any_model_are_refused(change: dict[str, Any]) -> None:
    whole = ModelConfig(name="large", words=250_000, visual_tokens=65_536).to_json()
    assert ModelConfig.from_json(whole).words == 250_000
    fields = {key: whole[key] | value if isinstance(value, dict) else value for key, value in change.items()}
    with pytest.raises(ModelError, match="is out of range"):
        ModelConfig.from_json(whole | fields)


def test_weights_in_a_type_that_numpy_lacks_are_a_model_error(folder: Path) -> None:
    header = json.dumps({"backbone.w": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    opened = ModelFolder(folder)
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"ab")
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
        opened.backbone_hash()


def test_an_unreadable_file_is_a_model_error(folder: Path) -> None:
    opened = ModelFolder(folder)
    os.replace(folder / "tokenizer.json", folder / "gone")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        opened.read("tokenizer.json")
