"""The stages of a model as the run side calls them: what each graph computes, and what the torch engine runs."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from videobert.model.questions import question_stage
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE, SHOT_BOUNDARIES
from videobert_modeling.models.encoders.decoder import DecoderMemoryStage, DecoderStage
from videobert_modeling.models.encoders.video import VideoEncoder
from videobert_modeling.models.families.conse import Conse
from videobert_modeling.models.families.milnce import MilNce
from videobert_modeling.models.families.next_token import NextToken
from videobert_modeling.models.families.univl import UniVl
from videobert_modeling.models.families.videobert import VideoBert


class BackboneStage(nn.Module):
    """Clips as the decoder gives them to features; the recipe's normalisation is part of the stage."""

    def __init__(self, backbone: nn.Module, recipe: Recipe) -> None:
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


class FusedWordsStage(nn.Module):
    """Fused states of hidden words, `(n, width)`, to logits over the words, `(n, words)`."""

    def __init__(self, model: UniVl) -> None:
        super().__init__()
        self.model = model

    def forward(self, states: Tensor) -> Tensor:
        return self.model.text_logits(states)


class FusedFeaturesStage(nn.Module):
    """Fused states of hidden clips, `(n, width)`, to their features, `(n, feature_dim)`."""

    def __init__(self, model: UniVl) -> None:
        super().__init__()
        self.model = model

    def forward(self, states: Tensor) -> Tensor:
        return self.model.visual_features(states)


class NormStage(nn.Module):
    """Features, `(n, feature_dim)`, as the video encoder sees them."""

    def __init__(self, video_encoder: VideoEncoder) -> None:
        super().__init__()
        self.video_encoder = video_encoder

    def forward(self, features: Tensor) -> Tensor:
        return self.video_encoder.normalized(features)


class PictureStage(nn.Module):
    """Frames of a clip as the decoder gives them to logits; the network's own normalisation is part of the stage."""

    # Pixels 0…255 to about -1…1, as the network of EfficientNet-Lite was trained.
    mean: ClassVar[float] = 127.0
    scale: ClassVar[float] = 1 / 128

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 `(batch, side, side, 3)` to `(batch, labels)`."""
        pixels = (pictures.to(_dtype_of(self.network)) - self.mean) * self.scale
        logits: Tensor = self.network(pixels.permute(0, 3, 1, 2))
        return logits


class ShotStage(nn.Module):
    """Small frames, uint8 `(batch, frames, 27, 48, 3)`, to logits of a cut, `(batch, frames)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.network(frames.to(_dtype_of(self.network)))
        return logits


def _dtype_of(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype


def stages_of(
    backbone: nn.Module, model: VideoBert | Conse | MilNce | NextToken | UniVl, recipe: Recipe
) -> dict[str, nn.Module]:
    """The stages by name, in the order of `stage_specs`; heads only as far as the model has them.

    Weights are shared, not copied.
    """
    stages: dict[str, nn.Module] = {BACKBONE: BackboneStage(backbone, recipe)}
    if model.shot_boundaries is not None:
        stages[SHOT_BOUNDARIES] = ShotStage(model.shot_boundaries)
    for name, question in model.config.questions.items():
        stage = question_stage(name, question)
        if stage is not None and question.answered_by == "features":
            stages[stage] = model.feature_heads[name]
        elif stage is not None:
            stages[stage] = PictureStage(model.picture_classifiers[name])
    if isinstance(model, Conse):
        return {**stages, "text_encoder": model.text_encoder}
    if isinstance(model, MilNce):
        return {**stages, "video_embedding": model.video_embedding, "text_embedding": model.text_embedding}
    if isinstance(model, NextToken):
        return {**stages, "past_encoder": model.past_encoder, "next_token_head": model.head}
    if isinstance(model, UniVl):
        return {**stages, **_two_stream_stages(model)}
    return {**stages, "encoder": model.encoder, **{f"{head}_head": _HEADS[head](model) for head in model.config.heads}}


def _two_stream_stages(model: UniVl) -> dict[str, nn.Module]:
    """From the text encoder on; what the model lacks has no stage."""
    heads, video, decoder = model.config.heads, model.video_encoder, model.decoder
    parts: dict[str, nn.Module | None] = {
        "text_encoder": model.text_encoder,
        "video_encoder": model.video_encoder,
        "cross_encoder": model.cross_encoder,
        "text_head": FusedWordsStage(model) if "text" in heads else None,
        "visual_head": FusedFeaturesStage(model) if "visual" in heads else None,
        "feature_norm": NormStage(video) if "visual" in heads and video.normalizes else None,
        "cross_pooler": model.pooler,
        "alignment_head": model.alignment_head,
        "decoder_memory": None if decoder is None else DecoderMemoryStage(decoder),
        "decoder": None if decoder is None else DecoderStage(decoder, model.text_encoder),
    }
    return {name: part for name, part in parts.items() if part is not None}
