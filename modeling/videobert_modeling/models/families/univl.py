"""UniVL: text and video in encoders of their own, a cross encoder, and what reads fused states (arXiv 2002.06353)."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig, TwoStreamsConfig
from videobert_modeling.models.encoders.cross import CrossEncoder
from videobert_modeling.models.encoders.decoder import Decoder
from videobert_modeling.models.encoders.text import TextEncoder
from videobert_modeling.models.encoders.transformer import initialise
from videobert_modeling.models.encoders.video import VideoEncoder
from videobert_modeling.models.heads import MaskedFeatureHead, MaskedWordHead, Pooler, SimilarityHead
from videobert_modeling.models.visual_parts import VisualParts


class UniVl(VisualParts):
    """Two encoders, and what joins them as far as `config` has it.

    Args:
        config: sizes and the heads to build.
        dropout: on embeddings and residual branches, in training only.

    Attributes:
        text_encoder: see `TextEncoder`.
        video_encoder: see `VideoEncoder`.
        cross_encoder: see `CrossEncoder`; None in a model whose streams meet in vectors alone.
        pooler, alignment_head: of the head `alignment`; None without it.
        heads: the masked heads, `text` and `visual`.
        decoder: see `Decoder`; None in a model that writes no sentences.
    """

    def __init__(self, config: ModelConfig, *, dropout: float = 0.0) -> None:
        super().__init__(config)
        streams = two_streams_of(config)
        width, feature_dim, eps = config.encoder.width, config.backbone.feature_dim, config.encoder.layer_norm_eps
        self.text_encoder = TextEncoder(config.encoder, config.words, dropout=dropout)
        self.video_encoder = VideoEncoder(
            streams.video, feature_dim, normalize=streams.normalize_video, dropout=dropout
        )
        self.cross_encoder: CrossEncoder | None = None
        if streams.fusion is not None:
            self.cross_encoder = CrossEncoder(streams.fusion, streams.fusion_kind, dropout=dropout)
        aligns = "alignment" in config.heads
        self.pooler = Pooler(width) if aligns else None
        self.alignment_head = SimilarityHead(width) if aligns else None
        self.heads = nn.ModuleDict()
        if "text" in config.heads:
            self.heads["text"] = MaskedWordHead(width, config.words, eps)
        if "visual" in config.heads:
            self.heads["visual"] = MaskedFeatureHead(width, feature_dim, eps)
        self.decoder = None
        if streams.decoder is not None:
            self.decoder = Decoder(streams.decoder, config.words, dropout=dropout)
        for part in (self.pooler, self.alignment_head, self.heads):
            if part is not None:
                part.apply(initialise)

    def text_logits(self, states: Tensor) -> Tensor:
        """Logits over the words, `(…, words)`, of fused states `(…, width)` at hidden places.

        Raises:
            ModelError: the model has no text head; likewise below.
        """
        logits: Tensor = self._head("text")(states, self.text_encoder.tokens.weight)
        return logits

    def visual_features(self, states: Tensor) -> Tensor:
        """Features as the video encoder sees them, `(…, feature_dim)`, of fused states at hidden places."""
        features: Tensor = self._head("visual")(states, self.video_encoder.features.weight)
        return features

    def _head(self, name: str) -> nn.Module:
        if name not in self.heads:
            raise ModelError(f"this model has no {name} head", seen=list(self.config.heads), fix="Use another model.")
        return self.heads[name]


def two_streams_of(config: ModelConfig) -> TwoStreamsConfig:
    """The sizes of what the family has beyond a text encoder.

    Raises:
        ModelError: the configuration is of another family.
    """
    if config.two_streams is None:
        raise ModelError("this model has no two streams", seen=config.family, allowed="univl", fix="Use another model.")
    return config.two_streams
