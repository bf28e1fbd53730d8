"""What makes answers of final states: logits over words and visual tokens, and whether text and video agree."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videobert.model.config import ModelConfig
from videobert_modeling.models.encoders.prediction_transform import PredictionTransform
from videobert_modeling.models.encoders.transformer import initialise


class AlignmentHead(nn.Module):
    """Two logits of the final `[CLS]` state, aligned and not aligned; BERT's pooler (dense, tanh) first, if wanted."""

    def __init__(self, width: int, *, pooler: bool = True) -> None:
        super().__init__()
        self.pooler = nn.Linear(width, width) if pooler else None
        self.classifier = nn.Linear(width, 2)

    def forward(self, cls_states: Tensor) -> Tensor:
        pooled = cls_states if self.pooler is None else torch.tanh(self.pooler(cls_states))
        out: Tensor = self.classifier(pooled)
        return out


class Heads(nn.Module):
    """The heads that `config.heads` lists.

    Text and visual share the transform, and their output matrix is the encoder's token table. `bias` has a value for
    every id: words, visual tokens and the joiner.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.encoder.width
        if "text" in config.heads or "visual" in config.heads:
            self.transform = PredictionTransform(width, config.encoder.layer_norm_eps)
            self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        if "alignment" in config.heads:
            self.alignment = AlignmentHead(width, pooler=config.alignment_pooler)
        self.apply(initialise)
