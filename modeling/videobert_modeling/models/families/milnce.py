"""MIL-NCE's two towers behind their backbone: a clip's feature and a text's words in one space (arXiv 1912.06430)."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert_modeling.models.encoders.words import WordTower
from videobert_modeling.models.visual_parts import VisualParts


class VideoTower(nn.Linear):
    """A linear layer whose input has the name that the stage gives it."""

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, feature_dim)` to `(batch, width)`."""
        return super().forward(features)


class MilNce(VisualParts):
    """Both towers. Their vectors are compared by their dot product, on the run side.

    Args:
        config: sizes; see `TwoTowersConfig`.

    Raises:
        ModelError: `config.two_towers` is missing.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.two_towers is None:
            raise ModelError("a model of the family milnce has no two_towers", fix="Import the checkpoint again.")
        sizes, width = config.encoder, config.two_towers.width
        self.video_embedding = VideoTower(config.backbone.feature_dim, width)
        self.text_embedding = WordTower(config.words, sizes.width, sizes.feed_forward, width)
