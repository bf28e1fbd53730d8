"""Every file of a model folder, damaged in turn: the error names that file and what really mends it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.numpy_univl import CONFIG as UNIVL
from tests.numpy_univl import write_numpy_univl

from videobert.base.errors import MismatchError, ModelError
from videobert.base.limits import Limits
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.tensorrt.build.engine_folder import _private
from videobert.model import folder as module
from videobert.model.folder import BUNDLED, ModelFolder, find
from videobert.model.graph_files import GraphFile
from videobert.model.mending import mend
from videobert.pipeline.opened import OpenedModel

READ = ["config.json", "recipe.json", "tokenizer.json", "codebook.safetensors", "model.safetensors"]
GRAPHS = [f"graphs/{name}.onnx" for name in ("backbone", "encoder", "text_head", "visual_head", "alignment_head")]
COPY = "Copy the model folder again from where it came"


def flipped(content: bytes, at: float) -> bytes:
    place = min(int(len(content) * at), len(content) - 1)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "first-byte": lambda content: flipped(content, 0),
    "header": lambda content: flipped(content, 0.02),
    "middle": lambda content: flipped(content, 0.5),
    "last-byte": lambda content: flipped(content, 1),
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "longer": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
}


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "copy"))


def use(folder: Path, name: str, cache_dir: Path) -> None:
    """Open the folder and read `name`, as far as loading a model does."""
    opened = ModelFolder(folder)
    if name in GRAPHS:
        engine = OpenVinoEngine(opened, EngineOptions(cache_dir=cache_dir, precision="fp32"))
        engine.run(name.removeprefix("graphs/").removesuffix(".onnx"))  # type: ignore[arg-type]
    else:
        OpenedModel(opened, SimpleNamespace(precision="fp32", parallel=1), Limits())  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", [*READ, *GRAPHS])
def test_a_damaged_file_is_named_with_what_mends_it(name: str, damage: str, folder: Path, tmp_path: Path) -> None:
    path = folder / name
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(ModelError) as refused:
        use(folder, name, tmp_path / "cache")
    error = refused.value
    assert error.what.startswith(name)
    assert not any(other in str(error).replace(name, "") for other in {*READ, *GRAPHS} - {name, "model.safetensors"})
    assert COPY in error.fix
    assert "videobert cluster" not in error.fix
    if name in GRAPHS:
        assert f"make {name} anew from model.safetensors with `videobert build " in error.fix
    elif name.endswith(".safetensors"):
        assert "videobert build" not in error.fix


@pytest.mark.parametrize("name", [*READ, *GRAPHS])
def test_a_missing_file_is_named_with_what_mends_it(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"the model folder has no {name}") as refused:
        use(folder, name, tmp_path / "cache")
    assert COPY in refused.value.fix
    assert ("videobert build" in refused.value.fix) == (name in GRAPHS)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_manifest_is_told_by_itself_or_by_the_file_that_it_no_longer_names(
    damage: str, folder: Path, tmp_path: Path
) -> None:
    path = folder / "manifest.json"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))

    def read_everything() -> None:
        for name in (*READ, *GRAPHS):
            use(folder, name, tmp_path / "cache")
        ModelFolder(folder).verify()

    with pytest.raises(ModelError, match="manifest") as refused:
        read_everything()
    assert refused.value.fix


def test_a_folder_that_was_never_built_is_told_to_be(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ModelError, match="was not built") as refused:
        ModelFolder(folder)
    assert refused.value.fix == f"Run `videobert build {folder.resolve()}`."
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="was not built") as refused:
        ModelFolder(folder)
    assert refused.value.fix == f"{COPY}."


def test_a_folder_that_needs_no_codebook_is_not_sent_to_make_one(tmp_path: Path) -> None:
    write_numpy_univl(tmp_path, replace(UNIVL, visual_tokens=0))
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "codebook.safetensors").unlink(missing_ok=True)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="was not built") as refused:
        ModelFolder(tmp_path)
    assert refused.value.fix == f"Run `videobert build {tmp_path.resolve()}`."
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match="was not built") as refused:
        ModelFolder(tmp_path)
    assert "videobert cluster VIDEOS" in refused.value.fix


def test_a_graph_without_weights_beside_it_can_only_be_copied(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert mend(folder, "graphs/encoder.onnx") == f"{COPY}."
    assert mend(BUNDLED / "shapes", "codebook.safetensors").startswith("Install videobert again")


def test_an_edit_that_was_meant_can_be_built_in(folder: Path) -> None:
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {"window_clips": 3}))
    with pytest.raises(MismatchError, match=r"config\.json") as refused:
        ModelFolder(folder)
    assert "If you edited config.json yourself, `videobert build" in refused.value.fix
    (folder / "config.json").write_text("{")
    with pytest.raises(MismatchError, match=r"config\.json") as refused:
        ModelFolder(folder)
    assert refused.value.fix == f"{COPY}."


def test_a_codebook_that_was_put_there_by_hand_wants_a_build(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["codebook.safetensors"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="its manifest does not list it") as refused:
        use(folder, "codebook.safetensors", folder)
    assert "If you put it there, run `videobert build" in refused.value.fix


@pytest.mark.parametrize("damaged", ["graphs/encoder.fp16.onnx", "graphs/encoder.onnx"], ids=["graph", "its-weights"])
def test_graphs_that_engines_are_built_from_are_checked_with_the_file_of_their_weights(
    damaged: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(find("shapes"), tmp_path / "copy"))
    graph = GraphFile(name="graphs/encoder.fp16.onnx", weights="graphs/encoder.onnx", precision="fp16")
    (tmp_path / "private").mkdir()
    _private(ModelFolder(copy), graph, tmp_path / "private")
    (copy / damaged).write_bytes(flipped((copy / damaged).read_bytes(), 0.7))
    with pytest.raises(MismatchError, match=damaged) as refused:
        _private(ModelFolder(copy), graph, tmp_path / "private")
    assert f"make {damaged} anew" in refused.value.fix


class Counted:
    """`hashlib`, with every byte that goes through it counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self.files: list[str] = []

    def sha256(self, content: bytes = b"") -> Any:
        self.bytes += len(content)
        digest = hashlib.sha256(content)

        def update(part: Any) -> None:
            self.bytes += len(memoryview(part).cast("B"))
            digest.update(part)

        return SimpleNamespace(update=update, hexdigest=digest.hexdigest)

    def file_digest(self, file: Any, name: str) -> Any:
        self.files.append(Path(file.name).name)
        self.bytes += Path(file.name).stat().st_size
        return hashlib.file_digest(file, name)


@pytest.mark.parametrize("engine", ["openvino", pytest.param("torch", marks=pytest.mark.modeling)])
def test_each_file_is_hashed_once_to_load(engine: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    monkeypatch.setattr(module, "hashlib", counted)
    opened = ModelFolder(folder)
    if engine == "torch":
        from videobert.engines.torch_engine import TorchEngine

        OpenedModel(opened, TorchEngine(opened, "cpu", EngineOptions()), Limits()).close()
    else:
        OpenedModel(opened, SimpleNamespace(precision="fp32", parallel=1), Limits())  # type: ignore[arg-type]
    assert counted.files == ["model.safetensors"]
    sizes = {name: (folder / name).stat().st_size for name in (*READ, "manifest.json")}
    # Beside the files, the backbone's own tensors, which are a part of the weights.
    backbone = counted.bytes - sum(sizes.values())
    assert 0 < backbone < sizes["model.safetensors"]


def test_a_file_that_changes_after_it_was_checked_is_checked_again(folder: Path) -> None:
    opened = ModelFolder(folder)
    path = opened.verified_path("model.safetensors")
    path.write_bytes(flipped(path.read_bytes(), 0.9))
    with pytest.raises(MismatchError, match=r"model\.safetensors"):
        opened.verified_path("model.safetensors")
