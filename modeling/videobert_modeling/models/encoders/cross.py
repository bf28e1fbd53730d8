"""What joins a text's states with a film's: layers over both, of which one kind attends to all, one to the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig, FusionKind
from videobert_modeling.models.encoders.transformer import EncoderLayer, attend_where, initialise


class CrossEncoder(nn.Module):
    """Both streams behind each other, with positions and segments of their own, then BERT's layers.

    The kinds differ in what a place attends to: with `concat` (UniVL, arXiv 2002.06353, section 3.3) to the places of
    both streams, with `cross_attention` to those of the other stream, the queries of one on the keys and values of the
    other. The latter is co-attention (ViLBERT, arXiv 1908.02265, section 3.1) whose two directions share their weights,
    so that both kinds have the same tensors and are compared at equal size.

    Args:
        config: sizes; `positions` for both streams together, of the segments two are used.
        kind: see above.
        dropout: on the embeddings and on each residual branch, in training only.
    """

    def __init__(self, config: EncoderConfig, kind: FusionKind, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.kind = kind
        self.positions = nn.Embedding(config.positions, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(EncoderLayer(config, dropout, attend_where) for _ in range(config.layers))
        self.dropout = nn.Dropout(dropout)
        self.apply(initialise)

    def forward(self, text_states: Tensor, text_lengths: Tensor, video_states: Tensor, video_lengths: Tensor) -> Tensor:
        """Fused states.

        Args:
            text_states: `(batch, text_length, width)`; what stands past a length has no influence, likewise below.
            text_lengths: int64 `(batch,)`, 1 to `text_length`.
            video_states: `(batch, video_length, width)`; its positions begin at `text_length`.
            video_lengths: int64 `(batch,)`, 1 to `video_length`; with `concat` 0 is a text alone.

        Returns:
            `(batch, text_length + video_length, width)`; rows past a length hold values of no meaning.

        Raises:
            InputError: both together are longer than the table of positions.
        """
        of_text, of_video = text_states.shape[1], video_states.shape[1]
        length = of_text + of_video
        # An export would take the check for a bound on the sum, which no axis of a graph can express.
        if not torch.compiler.is_compiling() and length > self.positions.num_embeddings:
            raise InputError(
                "text and video together are too long",
                seen=f"{of_text} and {of_video} places",
                allowed=f"at most {self.positions.num_embeddings} in all",
                fix="Pass less text or fewer clips.",
            )
        places = torch.arange(length, device=text_states.device)
        states: Tensor = torch.cat([text_states, video_states], dim=1)
        states = states + self.positions(places) + self.segments((places >= of_text).long())
        states = self.dropout(self.norm(states))
        keep = self._keep(places, of_text, text_lengths[:, None], video_lengths[:, None])
        for layer in self.layers:
            states = layer(states, keep)
        return states

    def _keep(self, places: Tensor, of_text: int, text_lengths: Tensor, video_lengths: Tensor) -> Tensor:
        """Which places each place attends to, bool `(batch, length, length)`, or 1 in place of the first of these."""
        is_text = places < of_text
        real = (is_text & (places < text_lengths)) | (~is_text & (places - of_text < video_lengths))
        if self.kind == "cross_attention":
            return real[:, None, :] & (is_text[:, None] != is_text[None, :])
        seen: Tensor = real[:, None, :]
        return seen
