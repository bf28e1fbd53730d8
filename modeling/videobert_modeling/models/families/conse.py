"""Clips by what a classifier calls them, in the space of a text encoder (ConSE, arXiv 1312.5650)."""

from __future__ import annotations

from videobert.model.config import ModelConfig
from videobert_modeling.models.encoders.text import TextEncoder
from videobert_modeling.models.visual_parts import VisualParts


class Conse(VisualParts):
    """The text encoder and what looks at a film; the combination of both is arithmetic of the run side.

    Args:
        config: sizes and questions.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.text_encoder = TextEncoder(config.encoder, config.words)
