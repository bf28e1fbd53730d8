"""A small model of the family univl with random weights, its text and its films those of `tests.small_model`.

The modeling side makes it: the tests' fixture where torch is installed; `python -m tests.small_univl FOLDER` for an
environment that has only the run side.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tests.small_model import COLOURS, frames_of, tokenizer_json

from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
WORDS = 24


def stack(layers: int = 2, *, width: int = 64, heads: int = 2, positions: int = 64) -> EncoderConfig:
    """The sizes of one part: two heads of 32, or `heads`."""
    return EncoderConfig(layers=layers, width=width, heads=heads, feed_forward=2 * width, positions=positions)


def config_of(head_size: int = 32, **changes: Any) -> ModelConfig:
    """A model without codebook, with every head but the decoder.

    Args:
        head_size: 32 or 64 for sizes that the kernels have, 24 for one that they lack.
        changes: fields of the configuration, or of `two_streams`.
    """
    sizes: dict[str, Any] = {"width": 2 * head_size}
    streams = TwoStreamsConfig(
        video=dataclasses.replace(stack(**sizes), segments=1), fusion=stack(**sizes, positions=128), text_room=16
    )
    of_streams = {name: value for name, value in changes.items() if hasattr(streams, name)}
    own = {name: value for name, value in changes.items() if name not in of_streams}
    plain = ModelConfig(
        name="small-univl",
        words=WORDS,
        visual_tokens=0,
        backbone=BackboneConfig(width=0.125, feature_dim=32),
        encoder=stack(**sizes),
        window_clips=4,
        questions={
            "colour": QuestionConfig(templates=("a [MASK] square", "the square is [MASK]"), labels=COLOURS),
        },
        family="univl",
        two_streams=dataclasses.replace(streams, **of_streams),
    )
    return dataclasses.replace(plain, **own)


def write_small_univl(folder: Path, config: ModelConfig | None = None, *, export: bool = True) -> None:
    """Fill an empty folder.

    Args:
        config: what the model is; by default `config_of()`.
        export: with graphs and manifest, which takes some seconds; without them it is what an import leaves.
    """
    import torch

    from videobert_modeling.export import export_folder
    from videobert_modeling.models import S3D, save_weights
    from videobert_modeling.models.families.univl import UniVl

    config = config or config_of()
    torch.manual_seed(5)
    backbone, model = S3D(config.backbone.width, config.backbone.feature_dim), UniVl(config)
    # Statistics from real clips: without them random layers squash all clips into one feature.
    with torch.no_grad(), open_clips(frames_of(12.0, seed=99), RECIPE) as clips:
        pixels = torch.from_numpy(np.stack([clip.frames for clip in clips])).float() / 255
        backbone.train()(pixels.permute(0, 4, 1, 2, 3))
    # Fresh weights give flat answers; larger ones give answers that differ.
    for value in model.parameters():
        if value.ndim > 1:
            value.data.mul_(4.0)
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    (folder / "README.md").write_text(f"# {config.name}\n")
    save_weights(model.eval(), backbone.eval(), folder / "model.safetensors")
    if export:
        export_folder(folder)


def main(folder: Path) -> None:
    """Write the folder anew: what lies there may be from other code."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_small_univl(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
