"""A model of the family univl without a codebook whose engine answers in numpy: what is computed is plain to see.

Each word has a vector of its own, those of colours the colour; a clip has the mean colour of its pictures. A hidden
place of the fused sequence has the mean of all clips that are shown, and the first place how well text and film fit.
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
from tests.small_model import tokenizer_json
from tests.small_univl import RECIPE, config_of

from videobert.base.limits import Limits
from videobert.model.config import BackboneConfig, ModelConfig
from videobert.model.folder import MANIFEST_VERSION, ModelFolder
from videobert.runtime import Runtime
from videobert.visual.codebook import Codebook

# Of the three channels, and one that is always there.
DIM = 4
CONFIG = config_of(backbone=BackboneConfig(feature_dim=DIM), window_clips=2)
WIDTH = CONFIG.encoder.width
# Centroids of a model that has some: red, green and blue.
LEAVES = np.array([[0.8, 0, 0, 1], [0, 0.8, 0, 1], [0, 0, 0.8, 1]], np.float32)
FIT = 7  # the value of the first fused place that says how well text and film fit
# Ids of the words red, blue and green, and the channel that each is.
COLOUR_WORDS = {5: 0, 6: 2, 7: 1}


class NumpyUniVl(OneOutput):
    """See `videobert.engines.base.Engine`.

    Attributes:
        calls: the stages that were run, in order.
    """

    name, device, precision, parallel, takes_device_arrays = "numpy", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self) -> None:
        words = np.random.default_rng(5).standard_normal((CONFIG.words, WIDTH)) * 0.01
        words[:, : FIT + 1] = 0
        for word, channel in COLOUR_WORDS.items():
            words[word, channel] = 1
        self.words = words.astype(np.float32)
        self.calls: list[str] = []

    def run(self, stage: str, **inputs: Any) -> npt.NDArray[Any]:
        self.calls.append(stage)
        computed: npt.NDArray[Any] = getattr(self, f"_{stage}")(**inputs)
        return computed.astype(np.float32)

    def _backbone(self, clips: Any) -> Any:
        return np.insert(clips.mean(axis=(1, 2, 3)) / 255, 3, 1.0, axis=1)

    def _text_encoder(self, ids: Any, lengths: Any) -> Any:
        return self.words[ids]

    def _video_encoder(self, features: Any, lengths: Any) -> Any:
        states = np.zeros((*features.shape[:2], WIDTH))
        states[..., :DIM] = features
        return states

    def _cross_encoder(self, text_states: Any, text_lengths: Any, video_states: Any, video_lengths: Any) -> Any:
        states = np.concatenate([text_states, video_states], axis=1)
        for row, (text, video) in enumerate(zip(text_lengths, video_lengths, strict=True)):
            shown = video_states[row, :video]
            shown = shown[shown[:, 3] > 0]  # a hidden clip has zeros
            mean = shown.mean(axis=0) if len(shown) else np.zeros(WIDTH)
            states[row] += mean
            states[row, 0, FIT] = (text_states[row, :text, :3].sum(axis=0) * mean[:3]).sum()
        return states

    def _text_head(self, states: Any) -> Any:
        return 20 * states @ self.words.T

    def _visual_head(self, states: Any) -> Any:
        return 20 * states[:, :DIM]

    def _feature_norm(self, features: Any) -> Any:
        return features - features.mean(axis=1, keepdims=True)

    def _cross_pooler(self, states: Any) -> Any:
        return states

    def _alignment_head(self, pooled: Any) -> Any:
        return 10 * pooled[:, FIT] - 5

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def write_numpy_univl(folder: Path, config: ModelConfig = CONFIG) -> None:
    """Fill an empty folder with all that a runtime reads but the graphs, of which it has names alone."""
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    if config.has_tokens:
        Codebook(
            leaves=LEAVES[: config.visual_tokens],
            distances=np.linspace(0, 1, 101, dtype=np.float32),
            backbone_hash="0123456789abcdef",
            clip_hash=RECIPE.clip_hash,
        ).save(folder / "codebook.safetensors")
    (folder / "graphs").mkdir()
    (folder / "graphs" / "backbone.onnx").write_bytes(b"of numpy")
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / "manifest.json").write_text(json.dumps({"format": MANIFEST_VERSION, "files": files}))


def open_numpy_univl(folder: Path, **changes: Any) -> Runtime:
    """A runtime of it, made anew in `folder`; `changes` are fields of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    write_numpy_univl(folder, dataclasses.replace(CONFIG, **changes))
    return Runtime(ModelFolder(folder), NumpyUniVl(), Limits())
