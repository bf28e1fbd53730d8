"""An encoder of a film's features, one a clip, as UniVL has it (arXiv 2002.06353, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.transformer import EncoderLayer, initialise


class VideoEncoder(nn.Module):
    """A linear layer on features in place of a table of words, then BERT's layers.

    Args:
        config: sizes; a film is one segment, and has no row for it.
        feature_dim: width of a feature.
        normalize: whether a LayerNorm stands before everything, on the features as the backbone gives them.
        dropout: on the embeddings and on each residual branch, in training only.
    """

    def __init__(self, config: EncoderConfig, feature_dim: int, *, normalize: bool, dropout: float = 0.0) -> None:
        super().__init__()
        eps = config.layer_norm_eps
        self.feature_norm = nn.LayerNorm(feature_dim, eps=eps) if normalize else None
        self.features = nn.Linear(feature_dim, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.norm = nn.LayerNorm(config.width, eps=eps)
        self.layers = nn.ModuleList(EncoderLayer(config, dropout) for _ in range(config.layers))
        self.dropout = nn.Dropout(dropout)
        self.apply(initialise)

    @property
    def normalizes(self) -> bool:
        """Whether there is a LayerNorm over raw features."""
        return self.feature_norm is not None

    def normalized(self, features: Tensor) -> Tensor:
        """Features as the linear layer sees them, and as a hidden one is told: `(…, feature_dim)`."""
        if self.feature_norm is None:
            return features
        out: Tensor = self.feature_norm(features)
        return out

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Final states.

        Args:
            features: `(batch, length, feature_dim)`; what stands past a film's length has no influence.
            lengths: int64 `(batch,)`, 1 to `length`.

        Returns:
            `(batch, length, width)`; rows past a film's length hold values of no meaning.

        Raises:
            InputError: the film has more clips than the table of positions has rows.
        """
        length = features.shape[1]
        if length > self.positions.num_embeddings:
            raise InputError(
                "the video is too long",
                seen=f"{length} clips",
                allowed=f"at most {self.positions.num_embeddings}",
                fix="Pass fewer clips.",
            )
        states: Tensor = self.features(self.normalized(features)) + self.positions.weight[:length]
        states = self.dropout(self.norm(states))
        for layer in self.layers:
            states = layer(states, lengths)
        return states
