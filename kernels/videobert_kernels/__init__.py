"""Triton kernels for VideoBERT inference, each with a plain torch reference. Needs torch, Triton and numpy only."""

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.attention.launch import attention
from videobert_kernels.ops.attention_decode.launch import append_to_cache, attention_decode
from videobert_kernels.ops.bias_gelu.launch import bias_gelu
from videobert_kernels.ops.bias_residual_layer_norm.launch import bias_residual_layer_norm
from videobert_kernels.ops.embed_layer_norm.launch import embed_layer_norm
from videobert_kernels.ops.masked_top_k.launch import TopK, masked_top_k
from videobert_kernels.ops.nearest_centroid import (
    PackedCentroids,
    PackedTree,
    nearest_centroid,
    nearest_centroid_tree,
    pack_centroids,
    pack_tree,
)

__all__ = [
    "KernelError",
    "PackedCentroids",
    "PackedTree",
    "TopK",
    "append_to_cache",
    "attention",
    "attention_decode",
    "bias_gelu",
    "bias_residual_layer_norm",
    "embed_layer_norm",
    "masked_top_k",
    "nearest_centroid",
    "nearest_centroid_tree",
    "pack_centroids",
    "pack_tree",
]
