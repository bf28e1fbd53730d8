"""The parts of an encoder's module as the packed encoder reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import nn

from videobert_kernels.ops.attention.configs import HEAD_SIZES
from videobert_kernels.ops.packed_encoder import LayerWeights, StackWeights
from videobert_kernels.ops.row_blocks import LARGEST_WIDTH
from videobert_modeling.models.encoders.cross import CrossEncoder
from videobert_modeling.models.encoders.joint import JointEncoder
from videobert_modeling.models.encoders.text import TextEncoder
from videobert_modeling.models.encoders.transformer import EncoderLayer
from videobert_modeling.models.encoders.video import VideoEncoder
from videobert_modeling.packed.embeddings import Embeddings
from videobert_modeling.packed.id_embeddings import IdEmbeddings, IdTables
from videobert_modeling.packed.row_embeddings import RowEmbeddings, RowSource, RowTables


@dataclass(frozen=True, slots=True, kw_only=True)
class Packable:
    """An encoder that can run on packed sequences.

    Args:
        embeddings: makes what stands before the layers, on a device and in a dtype.
        stack: the layers, on the module's device.
        remark: what is done otherwise than for a usual encoder; None if nothing is.
    """

    embeddings: Callable[[torch.device, torch.dtype], Embeddings]
    stack: StackWeights
    remark: str | None = None


def packable(module: nn.Module) -> Packable | str:
    """The parts of an encoder, or why padded sequences go through the module itself."""
    if isinstance(module, JointEncoder):
        return _fitted(_of_ids(module, "the joint sequence", "Pass less text or fewer clips."))
    if isinstance(module, TextEncoder):
        return _fitted(_of_ids(module, "the text", "Pass less text."))
    if isinstance(module, VideoEncoder):
        return _fitted(_of_features(module))
    if isinstance(module, CrossEncoder):
        return _fitted(_of_streams(module))
    return f"padded sequences, as {type(module).__name__} has no packed form"


def _of_ids(encoder: JointEncoder | TextEncoder, what: str, fix: str) -> Packable:
    tables = IdTables(
        tokens=encoder.tokens.weight,
        positions=encoder.positions.weight,
        segments=encoder.segments.weight,
        norm=encoder.norm.weight,
        norm_bias=encoder.norm.bias,
        eps=encoder.norm.eps,
    )
    return Packable(
        embeddings=lambda device, dtype: IdEmbeddings(tables, device, dtype, what=what, fix=fix),
        stack=_stack(encoder.layers),
    )


def _of_features(encoder: VideoEncoder) -> Packable:
    first = encoder.feature_norm
    tables = RowTables(
        raw_norm=None if first is None else first.weight,
        raw_norm_bias=None if first is None else first.bias,
        raw_eps=0.0 if first is None else first.eps,
        matrix=encoder.features.weight,
        matrix_bias=encoder.features.bias,
        positions=encoder.positions.weight,
        norm=encoder.norm.weight,
        norm_bias=encoder.norm.bias,
        eps=encoder.norm.eps,
    )
    sources = (RowSource("features", "lengths"),)
    return Packable(
        embeddings=lambda device, dtype: RowEmbeddings(
            tables, sources, device, dtype, what="the video", fix="Pass fewer clips."
        ),
        stack=_stack(encoder.layers),
    )


def _of_streams(encoder: CrossEncoder) -> Packable:
    tables = RowTables(
        positions=encoder.positions.weight,
        segments=encoder.segments.weight,
        norm=encoder.norm.weight,
        norm_bias=encoder.norm.bias,
        eps=encoder.norm.eps,
    )
    meet = encoder.kind == "cross_attention"
    # A text alone attends to itself; in streams that attend to each other there is something of both.
    sources = (
        RowSource("text_states", "text_lengths"),
        RowSource("video_states", "video_lengths", least=1 if meet else 0),
    )
    fix = "Pass less text or fewer clips."
    return Packable(
        embeddings=lambda device, dtype: RowEmbeddings(
            tables, sources, device, dtype, meet=meet, what="the text with its video", fix=fix
        ),
        stack=_stack(encoder.layers),
    )


def _fitted(found: Packable) -> Packable | str:
    """With heads that have a kernel, if some of at least their size do."""
    stack = found.stack
    width = stack.layers[0].output.shape[0]
    own = width // stack.heads
    if width > LARGEST_WIDTH:
        return f"padded sequences, as width {width} has no kernel, only up to {LARGEST_WIDTH}"
    size = next((size for size in HEAD_SIZES if size >= own), None)
    if size is None:
        return f"padded sequences, as heads of {own} have no kernel, only those of {HEAD_SIZES}"
    if size == own:
        return found
    remark = f"heads of {own} filled up with zeros to {size}: only those of {HEAD_SIZES} have a kernel"
    return replace(found, stack=stack.with_heads_of(size), remark=remark)


def _stack(layers: Iterable[nn.Module]) -> StackWeights:
    of_encoder = [layer for layer in layers if isinstance(layer, EncoderLayer)]
    return StackWeights(
        heads=of_encoder[0].attention.heads,
        eps=of_encoder[0].attention_norm.eps,
        layers=tuple(_layer(layer) for layer in of_encoder),
    )


def _layer(layer: EncoderLayer) -> LayerWeights:
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
