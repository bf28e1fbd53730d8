"""Model folders of published sizes with random weights: time does not depend on what they hold."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from videobert.model.config import ModelConfig
from videobert.model.folder import backbone_hash
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook, Level
from videobert_modeling.models import S3D, VideoBert, save_weights
from videobert_modeling.models.weights import backbone_tensors

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_WORDS = ["a", "red", "blue", "circle"]


def write_folder(size: ModelConfig, folder: Path, recipe: Recipe) -> None:
    """A model folder of this size without graphs, the same each time."""
    question = QuestionConfig(templates=("a [MASK] circle",), labels=("red", "blue"))
    config = dataclasses.replace(size, questions={"colour": question})
    torch.manual_seed(0)
    backbone, model = S3D(config.backbone.width, config.backbone.feature_dim), VideoBert(config)
    with torch.no_grad():  # statistics for BatchNorm
        backbone.train()(torch.randn(4, 3, recipe.frames, recipe.crop, recipe.crop))
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(recipe.to_json()))
    (folder / "tokenizer.json").write_text(_tokenizer(config.words))
    save_weights(model.eval(), backbone.eval(), folder / "model.safetensors")
    _codebook(config, backbone, recipe).save(folder / "codebook.safetensors")


def _tokenizer(words: int) -> str:
    vocabulary = [*_SPECIAL, *_WORDS]
    vocabulary += [f"word{index}" for index in range(words - len(vocabulary))]
    tokenizer = Tokenizer(models.WordPiece({word: index for index, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(_SPECIAL)
    return tokenizer.to_str()


def _codebook(config: ModelConfig, backbone: S3D, recipe: Recipe) -> Codebook:
    random = np.random.default_rng(0)
    leaves = random.normal(size=(config.visual_tokens, config.backbone.feature_dim)).astype(np.float32)
    leaves = leaves[np.argsort(leaves[:, 0])]
    offsets = np.linspace(0, len(leaves), 13).astype(np.int64)
    centroids = np.stack([leaves[a:b].mean(axis=0) for a, b in pairwise(offsets)])
    return Codebook(
        leaves=leaves,
        levels=(Level(centroids, offsets),),
        distances=np.linspace(1, 100, 101, dtype=np.float32),
        backbone_hash=backbone_hash({name: t.half().numpy() for name, t in backbone_tensors(backbone).items()}),
        clip_hash=recipe.clip_hash,
        agreement=1.0,
        seed=0,
    )
