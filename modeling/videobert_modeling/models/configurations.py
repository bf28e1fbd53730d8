"""Configurations by name, and whether one that was put together may be."""

from __future__ import annotations

from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig

_BERT_WORDS = 30_522
_PAPER_LEAVES = 12**4


def tiny() -> ModelConfig:
    """A model of a few hundred kilobytes, for trials and tests."""
    return ModelConfig(
        name="tiny",
        words=128,
        visual_tokens=64,
        backbone=BackboneConfig(width=0.125, feature_dim=32),
        encoder=EncoderConfig(layers=2, width=64, heads=2, feed_forward=128, positions=128),
    )


def base() -> ModelConfig:
    """BERT-base: 12 layers, width 768, 12 heads; the paper's codebook of 20,736 leaves."""
    return ModelConfig(name="base", words=_BERT_WORDS, visual_tokens=_PAPER_LEAVES)


def large() -> ModelConfig:
    """The paper's model: BERT-large, 24 layers, width 1024, 16 heads, 20,736 leaves (arXiv 1904.01766, section 4.3)."""
    return ModelConfig(
        name="large",
        words=_BERT_WORDS,
        visual_tokens=_PAPER_LEAVES,
        encoder=EncoderConfig(layers=24, width=1024, heads=16, feed_forward=4096),
    )


def checked(config: ModelConfig) -> ModelConfig:
    """A configuration that was put together, held to what a `config.json` is held to.

    Raises:
        ModelError: as `ModelConfig.from_json`.
    """
    return ModelConfig.from_json(config.to_json())
