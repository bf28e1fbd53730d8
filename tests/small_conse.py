"""A small model of the family conse, and an engine that answers in numpy: what is computed is plain to see.

Its classifier knows three colours by the brightest channel of a clip, and is sure of none where a clip is dark; its
text encoder gives each word a vector of its own; its pictures are light or dark; a cut is behind a frame
that differs much from the next one.
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
from tests.small_model import COLOURS, tokenizer_json

from videobert.base.limits import Limits
from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, ShotsConfig, TextSpaceConfig
from videobert.model.folder import MANIFEST_VERSION, ModelFolder
from videobert.model.questions import AbstainConfig, QuestionConfig
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import stage_specs
from videobert.runtime import Runtime
from videobert.video.source.frame_array import FrameArray
from videobert.visual.codebook import Codebook, classifier_leaves

RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48)
WIDTH = 16
# Of the three channels, and one that is always there.
WEIGHT = 20 * np.eye(3, 4, dtype=np.float32)
BIAS = np.zeros(3, np.float32)
SURE_FROM = 8.0

CONFIG = ModelConfig(
    name="small-conse",
    words=21,
    visual_tokens=3,
    backbone=BackboneConfig(feature_dim=4),
    encoder=EncoderConfig(layers=1, width=WIDTH, heads=2, feed_forward=32, positions=32),
    heads=(),
    window_clips=1,
    family="conse",
    token_question="colour",
    text_space=TextSpaceConfig(
        question="colour",
        label_templates=("a {label} square", "{label}"),
        cosine_at_half=0.8,
        cosine_scale=0.05,
        unsure_penalty=4.0,
    ),
    shots=ShotsConfig(),
    questions={
        "colour": QuestionConfig(
            labels=COLOURS, answered_by="features", abstain=AbstainConfig(energy_at_least=SURE_FROM)
        ),
        "light": QuestionConfig(labels=("light", "dark"), answered_by="pictures"),
        "any": QuestionConfig(labels=("warm", "cold"), answered_by="groups", of="colour", groups=((0,), (1, 2))),
    },
)


class NumpyEngine(OneOutput):
    """See `videobert.engines.base.Engine`.

    Attributes:
        calls: the stages that were run, in order.
    """

    name, device, precision, parallel, takes_device_arrays = "numpy", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self, config: ModelConfig = CONFIG) -> None:
        words = np.random.default_rng(5).standard_normal((config.words, config.encoder.width))
        self._words = words.astype(np.float32)
        self._specs = {spec.name for spec in stage_specs(config, RECIPE)}
        self.calls: list[str] = []

    def run(self, stage: str, **inputs: Any) -> npt.NDArray[Any]:
        self.calls.append(stage)
        if stage == "backbone":
            return np.insert(inputs["clips"].mean(axis=(1, 2, 3)) / 255, 3, 1.0, axis=1).astype(np.float32)
        if stage == "colour_head":
            return (inputs["features"] @ WEIGHT.T + BIAS).astype(np.float32)
        if stage == "light_classifier":
            level = inputs["pictures"].mean(axis=(1, 2, 3)) / 32 - 2
            return np.stack([level, -level], axis=1).astype(np.float32)
        if stage == "text_encoder":
            return self._words[inputs["ids"]]
        if stage == "shot_boundaries":
            level = inputs["frames"].astype(np.float32).mean(axis=(2, 3))
            changed = np.abs(np.diff(level, axis=1, append=level[:, -1:])).max(axis=2)
            return np.where(changed > 30, 9.0, -9.0).astype(np.float32)
        raise AssertionError(f"there is no stage {stage}")

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def write_small_conse(folder: Path, config: ModelConfig = CONFIG) -> None:
    """Fill an empty folder with all that a runtime reads but the graphs."""
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    Codebook(
        leaves=classifier_leaves(WEIGHT, BIAS),
        distances=None,
        backbone_hash="0123456789abcdef",
        clip_hash=RECIPE.clip_hash,
        lifted=True,
    ).save(folder / "codebook.safetensors")
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    (folder / "manifest.json").write_text(json.dumps({"format": MANIFEST_VERSION, "files": files}))


def open_small_conse(folder: Path, **changes: Any) -> Runtime:
    """A runtime of it, made anew in `folder`; `changes` are fields of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    config = dataclasses.replace(CONFIG, **changes)
    write_small_conse(folder, config)
    return Runtime(ModelFolder(folder), NumpyEngine(config), Limits())


def film(*scenes: tuple[int, int, int], seconds: float = 3.0, fps: int = 10) -> FrameArray:
    """Scenes of one colour each, with a grain that does not stand still."""
    count = round(seconds * fps)
    grain = np.random.default_rng(1).integers(-6, 7, (len(scenes) * count, 64, 64, 3))
    plain = np.repeat(np.array(scenes, np.int64), count, axis=0)[:, None, None, :]
    frames = np.clip(plain + grain, 0, 255).astype(np.uint8)
    return FrameArray(frames, np.arange(len(frames)) / fps)
