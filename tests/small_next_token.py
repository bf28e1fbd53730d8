"""A small model of the family next_token as a folder, and an engine that runs nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.one_output import OneOutput

from videobert.base.limits import Limits
from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig
from videobert.model.folder import MANIFEST_VERSION, ModelFolder
from videobert.model.recipe import Recipe
from videobert.runtime import Runtime
from videobert.visual.codebook import Codebook

RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48)
WORDS = ["[UNK]", "[PAD]", "[CLS]", "<eos>", "the", "pan", "[SEP]", "[MASK]"]
VISUAL = 5
CONFIG = ModelConfig(
    name="small-next-token",
    words=len(WORDS),
    visual_tokens=VISUAL,
    backbone=BackboneConfig(feature_dim=4),
    encoder=EncoderConfig(layers=1, width=4, heads=1, feed_forward=4, positions=10, segments=2),
    heads=(),
    family="next_token",
)


class NoEngine(OneOutput):
    """What a model cannot do is refused before a stage runs."""

    name, device, precision, parallel, takes_device_arrays = "none", "CPU", "fp32", 1, False
    fallback: str | None = None

    def run(self, stage: str, **inputs: Any) -> Any:
        raise AssertionError(f"the {stage} was run")

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def tokenizer_json() -> str:
    model = {"type": "WordLevel", "vocab": {word: row for row, word in enumerate(WORDS)}, "unk_token": "[UNK]"}
    return json.dumps({"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "model": model})


def open_small_next_token(folder: Path, **changes: Any) -> Runtime:
    """A runtime of it, made anew in `folder`; `changes` are fields of its configuration."""
    (folder / "config.json").write_text(json.dumps(dataclasses.replace(CONFIG, **changes).to_json()))
    (folder / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    leaves = np.eye(VISUAL, 4, dtype=np.float32)
    Codebook(leaves=leaves, distances=None, backbone_hash="0123456789abcdef", clip_hash=RECIPE.clip_hash).save(
        folder / "codebook.safetensors"
    )
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    (folder / "manifest.json").write_text(json.dumps({"format": MANIFEST_VERSION, "files": files}))
    return Runtime(ModelFolder(folder), NoEngine(), Limits())
