"""VideoBERT: one encoder over words and visual tokens, and its three heads (arXiv 1904.01766, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert_modeling.models.encoders.joint import JointEncoder, initialise


class PredictionTransform(nn.Module):
    """What BERT puts before the output matrix: dense layer, exact GELU, LayerNorm."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.norm(nn.functional.gelu(self.dense(states)))
        return out


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


class VideoBert(nn.Module):
    """The joint encoder with its heads.

    Args:
        config: sizes and the heads to build.
        dropout: see `JointEncoder`.
    """

    def __init__(self, config: ModelConfig, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.encoder = JointEncoder(config.encoder, config.vocabulary, dropout=dropout)
        self.heads = Heads(config)

    def encode(self, ids: Tensor, segments: Tensor, lengths: Tensor) -> Tensor:
        """Final states `(batch, length, width)`; see `JointEncoder.forward`."""
        states: Tensor = self.encoder(ids, segments, lengths)
        return states

    def text_logits(self, states: Tensor) -> Tensor:
        """Logits over the words, `(…, words)`, of states `(…, width)`: pass those of masked positions only.

        Raises:
            ModelError: the model has no text head; likewise below.
        """
        self._need("text")
        return self._logits(states, 0, self.config.words)

    def visual_logits(self, states: Tensor) -> Tensor:
        """Logits over the visual tokens, `(…, visual_tokens)`, of states `(…, width)`."""
        self._need("visual")
        return self._logits(states, self.config.words, self.config.joiner_id)

    def alignment_logits(self, cls_states: Tensor) -> Tensor:
        """Two logits, `(…, 2)`: "text and video belong together" and "they do not", of final `[CLS]` states."""
        self._need("alignment")
        out: Tensor = self.heads.alignment(cls_states)
        return out

    def _logits(self, states: Tensor, first: int, end: int) -> Tensor:
        table = self.encoder.tokens.weight[first:end]
        return nn.functional.linear(self.heads.transform(states), table, self.heads.bias[first:end])

    def _need(self, head: str) -> None:
        if head not in self.config.heads:
            raise ModelError(f"this model has no {head} head", seen=list(self.config.heads), fix="Use another model.")
