"""A small model of the family milnce without visual tokens, and an engine that answers in numpy.

A clip's feature is its mean colour and a one; its vector, and that of a word, has a place for each colour.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.one_output import OneOutput

from videobert.base.limits import Limits
from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TwoTowersConfig
from videobert.model.folder import MANIFEST_VERSION, ModelFolder
from videobert.model.recipe import Recipe
from videobert.runtime import Runtime
from videobert.text.word_patterns import MILNCE, split_by

RECIPE = Recipe(fps=10, frames=16, short_side=48, crop=48, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
COLOURS = ("red", "green", "blue")
WORDS = [*COLOURS, "square", "don't"]
# Row 0 is where no word is.
TABLE = np.zeros((len(WORDS) + 1, 3), np.float32)
TABLE[1:4] = 8 * np.eye(3)
TABLE[4], TABLE[5] = 1.0, 2.0

CONFIG = ModelConfig(
    name="small-milnce",
    words=len(TABLE),
    visual_tokens=0,
    backbone=BackboneConfig(kind="s3dg", feature_dim=8),
    encoder=EncoderConfig(layers=1, width=3, heads=1, feed_forward=3, positions=16, segments=1),
    heads=(),
    window_clips=2,
    family="milnce",
    two_towers=TwoTowersConfig(width=3),
)


class NumpyEngine(OneOutput):
    """See `videobert.engines.base.Engine`.

    Attributes:
        calls: the stages that were run, in order.
    """

    name, device, precision, parallel, takes_device_arrays = "numpy", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self) -> None:
        self.calls: list[str] = []

    def run(self, stage: str, **inputs: Any) -> npt.NDArray[Any]:
        self.calls.append(stage)
        if stage == "backbone":
            colours = inputs["clips"].mean(axis=(1, 2, 3)) / 255
            return np.pad(colours, ((0, 0), (0, 5)), constant_values=1).astype(np.float32)
        if stage == "video_embedding":
            return inputs["features"][:, :3]
        if stage == "text_embedding":
            return TABLE[inputs["ids"]].max(axis=1)
        raise AssertionError(f"there is no stage {stage}")

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def tokenizer_json() -> str:
    special = dict.fromkeys(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), 0)
    vocabulary = {word: row for row, word in enumerate(WORDS, 1)} | special
    fields = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": split_by(MILNCE),
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }
    return json.dumps(fields)


def open_small_milnce(folder: Path, **changes: Any) -> Runtime:
    """A runtime of it, made anew in `folder`; `changes` are fields of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    config = dataclasses.replace(CONFIG, **changes)
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    (graphs / "backbone.onnx").write_bytes(b"not read by this engine")
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }
    (folder / "manifest.json").write_text(json.dumps({"format": MANIFEST_VERSION, "files": files}))
    return Runtime(ModelFolder(folder), NumpyEngine(), Limits())
