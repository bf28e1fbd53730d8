"""An encoder of words alone: BERT's embeddings and layers without visual tokens (arXiv 1810.04805)."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.transformer import EncoderLayer, initialise


class TextEncoder(nn.Module):
    """Embeddings and layers.

    Args:
        config: sizes. A text is one segment, so of the table of segments only the first row is used.
        words: rows of the table of words.
        dropout: on the embeddings and on each residual branch, in training only.
    """

    def __init__(self, config: EncoderConfig, words: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(words, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(EncoderLayer(config, dropout) for _ in range(config.layers))
        self.dropout = nn.Dropout(dropout)
        self.apply(initialise)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Final states.

        Args:
            ids: int64 `(batch, length)`, below `words`; what stands past a text's length has no influence.
            lengths: int64 `(batch,)`, 1 to `length`.

        Returns:
            `(batch, length, width)`; rows past a text's length hold values of no meaning.

        Raises:
            InputError: the text is longer than the table of positions.
        """
        length = ids.shape[1]
        if length > self.positions.num_embeddings:
            raise InputError(
                "the text is too long",
                seen=f"{length} positions",
                allowed=f"at most {self.positions.num_embeddings}",
                fix="Pass less text.",
            )
        states: Tensor = self.tokens(ids) + self.positions.weight[:length] + self.segments.weight[:1]
        states = self.dropout(self.norm(states))
        for layer in self.layers:
            states = layer(states, lengths)
        return states
