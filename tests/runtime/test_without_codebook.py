"""A model folder without a codebook: it reads text, and says of everything else what it needs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import ModelError
from videobert.runtime import Runtime, load

GONE = ["codebook.safetensors", *(f"graphs/{name}.onnx" for name in ("backbone", "visual_head", "alignment_head"))]


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = Path(shutil.copytree(model_folder, tmp_path_factory.mktemp("text") / "model"))
    manifest = json.loads((copy / "manifest.json").read_text())
    for name in GONE:
        (copy / name).unlink()
        del manifest["files"][name]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


@pytest.fixture(scope="module")
def reader(folder: Path, cache_dir: Path) -> Iterator[Runtime]:
    with load(folder, cache_dir=cache_dir, precision="fp32") as runtime:
        yield runtime


def test_text_is_read_as_by_the_whole_model(reader: Runtime, model: Runtime) -> None:
    ours, whole = reader.fill("a [MASK] square"), model.fill("a [MASK] square")
    assert ours.filled == whole.filled
    assert np.array_equal(reader.embed(text="a red square").vector, model.embed(text="a red square").vector)
    reader.warmup()


@pytest.mark.parametrize(
    "ask",
    [
        lambda model, video: model.run(video),
        lambda model, video: model.stream(video),
        lambda model, video: model.tokens(video),
        lambda model, video: model.embed(video),
        lambda model, video: model.embed(video, "a red square"),
        lambda model, video: model.fill("a [MASK] square", video),
        lambda model, video: model.classify(video, question="colour"),
        lambda model, video: model.align(video, "a red square"),
        lambda model, video: model.codebook,
    ],
    ids=["run", "stream", "tokens", "embed", "embed-joint", "fill", "classify", "align", "codebook"],
)
def test_what_needs_the_visual_half_says_what_to_run(
    reader: Runtime, folder: Path, ask: Callable[..., Any], make_video: Callable[..., Any]
) -> None:
    with pytest.raises(ModelError, match="has no codebook yet, so it reads text only") as refused:
        ask(reader, make_video(3.0, 1))
    fix = f"For video, run `videobert cluster VIDEOS --model {folder}`, then `videobert build {folder}`."
    assert refused.value.fix == fix


def test_saved_tokens_are_no_way_round(reader: Runtime, model: Runtime, make_video: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="has no codebook yet"):
        reader.run(model.tokens(make_video(3.0, 1)))


def test_a_codebook_that_the_manifest_lists_is_missed(folder: Path, tmp_path: Path, cache_dir: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["codebook.safetensors"] = hashlib.sha256(b"").hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"the model folder has no codebook\.safetensors"):
        load(copy, cache_dir=cache_dir)
