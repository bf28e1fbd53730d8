"""A model of the next token over words and visual tokens: states that look back only, and a linear head."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.model.config import ModelConfig
from videobert_modeling.models.encoders.past import PastEncoder
from videobert_modeling.models.encoders.transformer import initialise
from videobert_modeling.models.visual_parts import VisualParts


class NextTokenHead(nn.Linear):
    """A linear layer whose input has the name that the stage gives it."""

    def forward(self, states: Tensor) -> Tensor:
        """`(count, width)` to logits over words and visual tokens, `(count, tokens)`."""
        return super().forward(states)


class NextToken(VisualParts):
    """The encoder of the past and its head, which has weights of its own.

    Args:
        config: sizes.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        tokens = config.words + config.visual_tokens
        self.past_encoder = PastEncoder(config.encoder, tokens)
        self.head = NextTokenHead(config.encoder.width, tokens)
        self.head.apply(initialise)
