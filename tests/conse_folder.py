"""A small model folder of the family conse with random weights, for what the modeling side makes of one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tests.small_model import COLOURS, tokenizer_json

from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TextSpaceConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook, classifier_leaves
from videobert_modeling.models import S3D, save_weights
from videobert_modeling.models.families.conse import Conse
from videobert_modeling.models.weights import hash_of

RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48)
CONFIG = ModelConfig(
    name="small-conse",
    words=21,
    visual_tokens=3,
    backbone=BackboneConfig(width=0.125, feature_dim=32),
    encoder=EncoderConfig(layers=2, width=64, heads=2, feed_forward=96, positions=32),
    heads=(),
    window_clips=1,
    family="conse",
    token_question="colour",
    text_space=TextSpaceConfig(question="colour", label_templates=("a {label} square", "{label}")),
    questions={"colour": QuestionConfig(labels=COLOURS, answered_by="features")},
)


def write_conse_folder(folder: Path, config: ModelConfig = CONFIG) -> None:
    """Fill an empty folder with all that a build starts from."""
    torch.manual_seed(2)
    backbone, model = S3D(config.backbone.width, config.backbone.feature_dim), Conse(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Fresh weights give flat states; larger ones give states that differ.
            parameter.copy_((parameter * (3 if parameter.dim() > 1 else 1)).half().float())
            if name.endswith("bias"):
                parameter.add_(0.25)
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    (folder / "README.md").write_text("# small conse\n")
    save_weights(model.eval(), backbone.eval(), folder / "model.safetensors")
    head = model.feature_heads["colour"]
    leaves = classifier_leaves(head.weight.detach().numpy(), head.bias.detach().numpy())
    Codebook(
        leaves=leaves, distances=None, backbone_hash=hash_of(backbone), clip_hash=RECIPE.clip_hash, lifted=True
    ).save(folder / "codebook.safetensors")
