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


class MaskedWordHead(nn.Module):
    """States to logits over words; the output matrix is the text encoder's table."""

    def __init__(self, width: int, words: int, eps: float) -> None:
        super().__init__()
        self.transform = PredictionTransform(width, eps)
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, states: Tensor, table: Tensor) -> Tensor:
        """`(…, width)` and the table `(words, width)` to `(…, words)`."""
        return nn.functional.linear(self.transform(states), table, self.bias)


class MaskedFeatureHead(nn.Module):
    """States to the features that were hidden; the output matrix is that of the video encoder's first layer, turned.

    A feature is told as the video encoder sees it, behind the LayerNorm over raw features (arXiv 2002.06353, 3.5).
    """

    def __init__(self, width: int, feature_dim: int, eps: float) -> None:
        super().__init__()
        self.transform = PredictionTransform(width, eps)
        self.bias = nn.Parameter(torch.zeros(feature_dim))

    def forward(self, states: Tensor, weight: Tensor) -> Tensor:
        """`(…, width)` and the weight `(width, feature_dim)` to `(…, feature_dim)`."""
        return nn.functional.linear(self.transform(states), weight.T, self.bias)


class Pooler(nn.Module):
    """BERT's pooler on the first fused state: dense layer and tanh."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)

    def forward(self, states: Tensor) -> Tensor:
        """`(…, width)` to `(…, width)`."""
        return torch.tanh(self.dense(states))


class SimilarityHead(nn.Linear):
    """How well text and video fit, linear in what the pooler gives."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)

    def forward(self, pooled: Tensor) -> Tensor:
        """`(…, width)` to `(…,)`."""
        return super().forward(pooled).squeeze(-1)
