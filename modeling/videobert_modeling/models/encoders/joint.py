"""The joint encoder over words and visual tokens in one stream (arXiv 1904.01766, section 3)."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.transformer import EncoderLayer, initialise


class JointEncoder(nn.Module):
    """Embeddings and layers.

    Args:
        config: sizes.
        vocabulary: rows of the token table: words, visual tokens and the joiner.
        dropout: on the embeddings and on each residual branch, in training only.
    """

    def __init__(self, config: EncoderConfig, vocabulary: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(EncoderLayer(config, dropout) for _ in range(config.layers))
        self.dropout = nn.Dropout(dropout)
        self.apply(initialise)

    def forward(self, ids: Tensor, segments: Tensor, lengths: Tensor) -> Tensor:
        """Final states.

        Args:
            ids: int64 `(batch, length)`, below `vocabulary`; what stands past a sequence's length has no influence.
            segments: int64 `(batch, length)`.
            lengths: int64 `(batch,)`, 1 to `length`.

        Returns:
            `(batch, length, width)`; rows past a sequence's length hold values of no meaning.

        Raises:
            InputError: the sequence is longer than the table of positions.
        """
        length = ids.shape[1]
        if length > self.positions.num_embeddings:
            raise InputError(
                "the joint sequence is too long",
                seen=f"{length} positions",
                allowed=f"at most {self.positions.num_embeddings}",
                fix="Pass less text or fewer clips.",
            )
        states: Tensor = self.tokens(ids) + self.positions.weight[:length] + self.segments(segments)
        states = self.dropout(self.norm(states))
        for layer in self.layers:
            states = layer(states, lengths)
        return states
