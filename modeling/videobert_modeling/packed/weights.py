"""VideoBert's weights as the packed encoder reads them; models of other families run padded."""

from __future__ import annotations

import torch
from torch import nn

from videobert.model.config import ModelConfig
from videobert_kernels.ops.attention.configs import HEAD_SIZES
from videobert_kernels.ops.packed_encoder.weights import EncoderWeights, LayerWeights
from videobert_kernels.ops.row_blocks import LARGEST_WIDTH
from videobert_modeling.models.encoders.transformer import EncoderLayer
from videobert_modeling.models.families.videobert import VideoBert


def reason_against_packing(config: ModelConfig) -> str | None:
    """Why a model runs padded, in the modules themselves; None if it can be packed."""
    if config.family != "videobert":
        return f"the encoder runs padded: only that of the family videobert is packed, not {config.family}'s"
    head_size = config.encoder.width // config.encoder.heads
    if head_size not in HEAD_SIZES:
        return f"the encoder runs padded: heads of {head_size} have no kernel, only those of {HEAD_SIZES}"
    if config.encoder.width > LARGEST_WIDTH:
        return f"the encoder runs padded: width {config.encoder.width} has no kernel, only up to {LARGEST_WIDTH}"
    return None


def packed_weights(model: VideoBert, device: torch.device | str, dtype: torch.dtype) -> EncoderWeights:
    """The encoder of `model`, cast once.

    Tensors that are on `device` in `dtype` already are shared with the model.
    """
    encoder, config = model.encoder, model.config
    weights = EncoderWeights(
        heads=config.encoder.heads,
        eps=config.encoder.layer_norm_eps,
        tokens=encoder.tokens.weight,
        positions=encoder.positions.weight,
        segments=encoder.segments.weight,
        norm=encoder.norm.weight,
        norm_bias=encoder.norm.bias,
        layers=tuple(_layer(layer) for layer in encoder.layers),
    )
    return weights.to(device, dtype)


def _layer(layer: nn.Module) -> LayerWeights:
    if not isinstance(layer, EncoderLayer):
        raise TypeError(f"not a layer of the joint encoder: {type(layer).__name__}")
    return LayerWeights(
        qkv=layer.attention.qkv.weight,
        qkv_bias=layer.attention.qkv.bias,
        output=layer.attention.output.weight,
        output_bias=layer.attention.output.bias,
        attention_norm=layer.attention_norm.weight,
        attention_norm_bias=layer.attention_norm.bias,
        inner=layer.inner.weight,
        inner_bias=layer.inner.bias,
        outer=layer.outer.weight,
        outer_bias=layer.outer.bias,
        outer_norm=layer.outer_norm.weight,
        outer_norm_bias=layer.outer_norm.bias,
    )
