"""A small model folder with random weights, and videos to go with it.

The modeling side makes it: the tests' fixture where torch is installed; `python -m tests.small_model FOLDER` for an
environment that has only the run side, as a product gets its model from elsewhere.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from videobert.model.config import ModelConfig
from videobert.model.folder import backbone_hash
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray
from videobert.visual.codebook import Codebook, Level
from videobert.visual.tokens import VisualTokens

if TYPE_CHECKING:
    from torch import Tensor

    from videobert.runtime import Runtime

COLOURS = ("red", "blue", "green")
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_WORDS = [*COLOURS, "dark", "light", "a", "the", "square", "circle", "is", "moves", "left", "right", "##s", "[", "]"]
_RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48)


def frames_of(seconds: float, seed: int, side: int = 64, fps: int = 10) -> FrameArray:
    """A block of one colour that moves over a ground of another, changing every few seconds."""
    count = max(1, round(seconds * fps))
    frames = np.empty((count, side, side, 3), np.uint8)
    for index in range(count):
        scene = np.random.default_rng((seed, index // 23))
        ground, colour, speed = scene.integers(0, 256, 3), scene.integers(0, 256, 3), scene.integers(1, 9)
        frames[index] = ground
        left = (index * int(speed)) % (side - 16)
        frames[index, 16:48, left : left + 24] = colour
    return FrameArray(frames, np.arange(count) / fps)


def tokens_of(model: Runtime, ids: list[int], *, padded_frames: int = 0, engine: str = "openvino") -> VisualTokens:
    """Tokens as `model` would find them, in the middle of what it knows."""
    return VisualTokens.on_grid(
        first_s=0.0,
        last_end_s=1.5 * len(ids),
        percentiles=np.full(len(ids), 50, np.float32),
        ids=np.array(ids, np.int32),
        padded_frames=padded_frames,
        stride=1,
        clip_s=model.recipe.frames / model.recipe.fps,
        model="tiny",
        codebook=model.codebook.hash,
        clip_recipe=model.recipe.clip_hash,
        assignment="flat",
        engine=engine,
        precision="fp32",
    )


def mp4(*videos: FrameArray, sample_aspect: Fraction | None = None) -> bytes:
    """A track of each, ten frames a second."""
    import av

    buffer, packets = io.BytesIO(), []
    with av.open(buffer, "w", format="mp4") as container:
        for video in videos:
            stream = container.add_stream("libx264", rate=10)
            stream.height, stream.width = video.frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            if sample_aspect is not None:
                stream.codec_context.sample_aspect_ratio = sample_aspect
            for frame in video.frames:
                packets += stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
            packets += stream.encode(None)
        container.mux(packets)
    return buffer.getvalue()


def tokenizer_json() -> str:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {word: index for index, word in enumerate(_SPECIAL + _WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(_SPECIAL)
    text: str = tokenizer.to_str()
    return text


def _tree(leaves: npt.NDArray[np.float32], branches: int) -> tuple[npt.NDArray[np.float32], Level]:
    """One inner level: leaves sorted by their first value and cut into runs."""
    leaves = leaves[np.argsort(leaves[:, 0], kind="stable")]
    offsets = np.linspace(0, len(leaves), branches + 1).astype(np.int64)
    centroids = np.stack([leaves[a:b].mean(axis=0) for a, b in pairwise(offsets)])
    return leaves, Level(centroids.astype(np.float32), offsets)


def _pixels(clips: int) -> Tensor:
    import torch

    with open_clips(frames_of(1.5 * clips, seed=99), _RECIPE) as stream:
        frames = np.stack([clip.frames for clip in stream])
    mean, std = (np.array(values, np.float32) for values in (_RECIPE.mean, _RECIPE.std))
    return torch.from_numpy((frames.astype(np.float32) / 255 - mean) / std).permute(0, 4, 1, 2, 3)


def _write_codebook(folder: Path, config: ModelConfig) -> None:
    import torch

    from videobert_modeling.models import load_weights
    from videobert_modeling.models.weights import backbone_tensors

    backbone, _ = load_weights(folder)
    with torch.no_grad():
        features = torch.cat([backbone(part) for part in _pixels(config.visual_tokens).split(8)]).numpy()
    leaves, level = _tree(features[: config.visual_tokens], branches=8)
    Codebook(
        leaves=leaves,
        levels=(level,),
        distances=np.linspace(0, 0.2 * float(np.linalg.norm(leaves, axis=1).mean()), 101, dtype=np.float32),
        backbone_hash=backbone_hash({name: t.numpy() for name, t in backbone_tensors(backbone).items()}),
        clip_hash=_RECIPE.clip_hash,
        agreement=0.9,
        seed=0,
    ).save(folder / "codebook.safetensors")


def write_small_model(folder: Path) -> None:
    """Fill an empty folder; takes some seconds."""
    import torch

    from videobert_modeling.export import export_folder
    from videobert_modeling.models import S3D, VideoBert, save_weights
    from videobert_modeling.models.configurations import tiny

    templates = ("a [MASK] square", "the square is [MASK]")
    config = dataclasses.replace(
        tiny(), window_clips=4, questions={"colour": QuestionConfig(templates=templates, labels=COLOURS)}
    )
    torch.manual_seed(3)
    backbone, model = S3D(config.backbone.width, config.backbone.feature_dim), VideoBert(config)
    # Statistics from real clips: without them random layers squash all clips into one feature.
    with torch.no_grad():
        for part in _pixels(16).split(8):
            backbone.train()(part)
    for name, value in model.named_parameters():
        # Fresh weights give flat answers; larger ones give answers that differ.
        if value.ndim > 1:
            value.data.mul_(8.0 if "heads" in name else 4.0)
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(_RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    (folder / "README.md").write_text("# tiny\n")
    save_weights(model.eval(), backbone.eval(), folder / "model.safetensors")
    _write_codebook(folder, config)
    export_folder(folder)


def main(folder: Path) -> None:
    """Write the folder anew: what lies there may be from other code."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_small_model(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
