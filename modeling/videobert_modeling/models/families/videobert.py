"""VideoBERT: one encoder over words and visual tokens, and its three heads (arXiv 1904.01766, section 3)."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert_modeling.models.encoders.joint import JointEncoder
from videobert_modeling.models.heads import Heads
from videobert_modeling.models.visual_parts import VisualParts


class VideoBert(VisualParts):
    """The joint encoder with its heads.

    Args:
        config: sizes and the heads to build.
        dropout: see `JointEncoder`.
    """

    def __init__(self, config: ModelConfig, *, dropout: float = 0.0) -> None:
        super().__init__(config)
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
