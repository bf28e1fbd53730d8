"""The stages of a model as the run side calls them: what each graph computes, and what the torch engine runs."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE
from videobert_modeling.models.backbones.s3d import S3D
from videobert_modeling.models.families.videobert import VideoBert


class BackboneStage(nn.Module):
    """Clips as the decoder gives them to features; the recipe's normalisation is part of the stage."""

    def __init__(self, backbone: S3D, recipe: Recipe) -> None:
        super().__init__()
        self.backbone = backbone
        std = torch.tensor(recipe.std, dtype=torch.float64)
        mean = torch.tensor(recipe.mean, dtype=torch.float64)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", (1 / (255 * std)).float())
        self.register_buffer("shift", (-mean / std).float())

    def forward(self, clips: Tensor) -> Tensor:
        """uint8 `(batch, frames, height, width, 3)` to `(batch, feature_dim)`."""
        # TensorRT-RTX accepts nothing but Cast on a uint8 input, so this comes first.
        pixels = clips.to(self.scale.dtype) * self.scale + self.shift
        features: Tensor = self.backbone(pixels.permute(0, 4, 1, 2, 3))
        return features


class HeadStage(nn.Module):
    """A head on states, `(n, width)`; its weights are the model's.

    Attributes:
        rounded_at: size of what its last step rounds, for an output that is a difference and may be near zero.
    """

    rounded_at: ClassVar[float] = 0.0

    def __init__(self, model: VideoBert) -> None:
        super().__init__()
        self.model = model


class TextHeadStage(HeadStage):
    """States of masked positions, `(n, width)`, to logits over the words, `(n, words)`."""

    def forward(self, states: Tensor) -> Tensor:
        return self.model.text_logits(states)


class VisualHeadStage(HeadStage):
    """States of masked positions, `(n, width)`, to logits over the visual tokens, `(n, visual_tokens)`."""

    def forward(self, states: Tensor) -> Tensor:
        return self.model.visual_logits(states)


class AlignmentHeadStage(HeadStage):
    """`[CLS]` states, `(n, width)`, to the log-odds that text and video belong together, `(n,)`."""

    # The difference of two logits.
    rounded_at = 1.0

    def forward(self, states: Tensor) -> Tensor:
        logits = self.model.alignment_logits(states)
        return logits[:, 0] - logits[:, 1]


_HEADS: dict[str, type[HeadStage]] = {
    "text": TextHeadStage,
    "visual": VisualHeadStage,
    "alignment": AlignmentHeadStage,
}


def stages_of(backbone: S3D, model: VideoBert, recipe: Recipe) -> dict[str, nn.Module]:
    """The stages by name, backbone first; heads only as far as the model has them. Weights are shared, not copied."""
    heads = {f"{head}_head": _HEADS[head](model) for head in model.config.heads}
    return {BACKBONE: BackboneStage(backbone, recipe), "encoder": model.encoder, **heads}
