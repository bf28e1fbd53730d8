"""The forward pass on packed sequences, from ids to states, or from the states that enter the first layer.

Nothing here waits for the device or depends on values, only on shapes: a call can be captured in a CUDA graph.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from videobert_kernels.ops.attention.launch import attention
from videobert_kernels.ops.bias_gelu.launch import bias_gelu
from videobert_kernels.ops.bias_residual_layer_norm.launch import bias_residual_layer_norm
from videobert_kernels.ops.dispatch import Backend
from videobert_kernels.ops.embed_layer_norm.launch import embed_layer_norm
from videobert_kernels.ops.packed_encoder.weights import EncoderWeights, LayerWeights, StackWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Where sequences lie that stand one after the other; all tensors int32 on the weights' device.

    Args:
        offsets: `(sequences + 1,)`, first token of each sequence, and the end of the last.
        key_ranges: `(sequences, 2)`, first and end token that each sequence attends to: its own, in an encoder.
        longest: at least the length of the longest sequence; known on the host.
    """

    offsets: Tensor
    key_ranges: Tensor
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedInputs(Spans):
    """Sequences of ids one after the other; all tensors int32 on the weights' device.

    Args:
        ids, positions, segments: `(tokens,)`. Tokens past `offsets[-1]` fill a buffer and have no influence.
        offsets, key_ranges, longest: see `Spans`.
    """

    ids: Tensor
    positions: Tensor
    segments: Tensor


def encode(weights: EncoderWeights, inputs: PackedInputs, *, backend: Backend = "auto") -> Tensor:
    """Final states `(tokens, width)` in the weights' dtype: the embeddings, then `encode_states`.

    Args:
        weights: on one device, of one dtype.
        inputs: on the same device.
        backend: of the operators; see `dispatch.choose`.

    Raises:
        KernelError: shapes, dtypes or devices do not fit together.
    """
    states = embed_layer_norm(
        inputs.ids,
        inputs.positions,
        inputs.segments,
        weights.tokens,
        weights.positions,
        weights.segments,
        weights.norm,
        weights.norm_bias,
        eps=weights.eps,
        backend=backend,
    )
    return encode_states(weights.stack, states, inputs, backend=backend)


def encode_states(stack: StackWeights, states: Tensor, spans: Spans, *, backend: Backend = "auto") -> Tensor:
    """Final states `(tokens, width)` of the states that enter the first layer, whatever they were made of.

    Eight launches a layer: attention, four matrix products and three fused operators. Only the product for query, key
    and value adds its bias; the other biases are added where their result is read again anyway.

    Args:
        stack: on one device, of one dtype.
        states: `(tokens, width)`, of the same device and dtype; those past `offsets[-1]` have no influence.
        spans: on the same device.
        backend: of the operators; see `dispatch.choose`.

    Raises:
        KernelError: shapes, dtypes or devices do not fit together.

    Cost: `24 tokens width^2` operations a layer where the inner width is 4 times the width, and attention.
    """
    for layer in stack.layers:
        states = _layer(states, layer, stack, spans, backend)
    return states


def _layer(states: Tensor, layer: LayerWeights, stack: StackWeights, spans: Spans, backend: Backend) -> Tensor:
    stacked = functional.linear(states, layer.qkv, layer.qkv_bias).view(len(states), 3, stack.heads, -1)
    query, key, value = stacked.unbind(1)
    mixed = attention(
        query,
        key,
        value,
        spans.offsets,
        spans.key_ranges,
        longest_query=spans.longest,
        scale=stack.scale,
        backend=backend,
    )
    states = bias_residual_layer_norm(
        functional.linear(mixed.flatten(1), layer.output),
        layer.output_bias,
        states,
        layer.attention_norm,
        layer.attention_norm_bias,
        eps=stack.eps,
        backend=backend,
    )
    wide = bias_gelu(functional.linear(states, layer.inner), layer.inner_bias, backend=backend)
    return bias_residual_layer_norm(
        functional.linear(wide, layer.outer),
        layer.outer_bias,
        states,
        layer.outer_norm,
        layer.outer_norm_bias,
        eps=stack.eps,
        backend=backend,
    )
