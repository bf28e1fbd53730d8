"""An encoder in int8 and in fp8, made of torch's products and our kernels, beside ours in bf16.

The product has such encoders in TensorRT's engines only. These figures say what kernels of our own could gain, and at
what price in quality: weights are quantised once by output channel, states by token as they come, everything else is
the packed encoder's in bf16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu.case import Case, Prepared, device, tiny
from benchmarks.gpu.encoder import base_weights, batch, quietly
from benchmarks.gpu.low_precision_products import Rows, fp8_product, int8_product, quantised
from benchmarks.gpu.plain_bert import PlainBert
from videobert_kernels import attention, bias_gelu, bias_residual_layer_norm, embed_layer_norm
from videobert_kernels.ops.packed_encoder import EncoderWeights, LayerWeights, PackedInputs, encode

# Distance from fp32, relative to the norm: twice what these weights give on a CPU; of trained ones it says nothing.
_ALLOWED = {"int8": 0.05, "fp8": 0.15}
_SIZES = ((1, 128), (32, 128))
_Product = Callable[[Rows, Rows, Tensor | None], Tensor]


def cases() -> list[Case]:
    """One sequence and 32 of 128 tokens at BERT-base's sizes."""
    return [
        Case(
            name=f"low-precision/{name}/base-{count}x{length}",
            bar=1.3 if count > 1 else None,
            bar_text="1.3x our encoder in bf16" if count > 1 else "no bar: beside our encoder in bf16",
            prepare=partial(_prepare, name, count, length),
            cost_s=12.0,
            budget_s=60.0,
        )
        for name in ("fp8", "int8")
        for count, length in _SIZES
    ]


class _Linear:
    """A product with weights that were quantised once."""

    def __init__(self, weight: Tensor, bias: Tensor | None, name: str) -> None:
        self._dtype = torch.int8 if name == "int8" else torch.float8_e4m3fn
        self._product: _Product = int8_product if name == "int8" else fp8_product
        self._weight, self._bias = quantised(weight, self._dtype, once=True), None if bias is None else bias.bfloat16()

    def __call__(self, states: Tensor) -> Tensor:
        return self._product(quantised(states, self._dtype), self._weight, self._bias).to(states.dtype)

    def error(self, states: Tensor) -> float:
        """Of the arithmetic alone: against float64 on the very numbers that were quantised, relative to the norm."""
        given = quantised(states, self._dtype)
        exact = (given.values.double() * given.scales) @ (self._weight.values.double() * self._weight.scales).T
        exact = exact if self._bias is None else exact + self._bias.double()
        return ((self(states).double() - exact).norm() / exact.norm()).item()


class _Encoder:
    """The packed encoder's forward pass with other products."""

    def __init__(self, weights: EncoderWeights, name: str) -> None:
        self._weights = weights
        self.layers = [(layer, *_products(layer, name)) for layer in weights.layers]

    def __call__(self, packed: PackedInputs) -> Tensor:
        weights = self._weights
        states = embed_layer_norm(
            packed.ids, packed.positions, packed.segments, weights.tokens, weights.positions, weights.segments,
            weights.norm, weights.norm_bias, eps=weights.eps,
        )  # fmt: skip
        for layer, qkv, output, inner, outer in self.layers:
            query, key, value = qkv(states).view(len(states), 3, weights.heads, -1).unbind(1)
            mixed = attention(query, key, value, packed.offsets, packed.key_ranges, longest_query=packed.longest)
            states = bias_residual_layer_norm(
                output(mixed.flatten(1)), layer.output_bias, states, layer.attention_norm, layer.attention_norm_bias,
                eps=weights.eps,
            )  # fmt: skip
            wide = bias_gelu(inner(states), layer.inner_bias)
            states = bias_residual_layer_norm(
                outer(wide), layer.outer_bias, states, layer.outer_norm, layer.outer_norm_bias, eps=weights.eps
            )
        return states


def _products(layer: LayerWeights, name: str) -> tuple[_Linear, ...]:
    return (
        _Linear(layer.qkv, layer.qkv_bias, name),
        _Linear(layer.output, None, name),
        _Linear(layer.inner, None, name),
        _Linear(layer.outer, None, name),
    )


def _prepare(name: str, count: int, length: int) -> Prepared:
    count, length = (min(count, 2), 8) if tiny() else (count, length)
    weights = base_weights()
    packed, ids, segments, _ = batch(weights, [length] * count)
    encoder = _Encoder(weights, name)
    with torch.inference_mode():
        exact = PlainBert(weights.to(device(), torch.float32)).eval()(ids, segments).flatten(0, 1)

    def parity() -> str | None:
        with torch.inference_mode():
            entering = exact.to(weights.tokens.dtype)
            error = max(each.error(entering) for each in encoder.layers[0][1:4])
            away = _away(encoder(packed), exact)
        if not error <= 1e-2:
            return f"a product is {error:.3g} of the norm from the same product in float64"
        return None if away <= _ALLOWED[name] else f"states are {away:.3g} from fp32, allowed {_ALLOWED[name]}"

    def quality() -> dict[str, float]:
        with torch.inference_mode():
            ours, wider = encoder(packed), encode(weights, packed)
        return {
            "from fp32": _away(ours, exact),
            "bf16 from fp32": _away(wider, exact),
            "least cosine": functional.cosine_similarity(ours.float(), exact, dim=1).min().item(),
        }

    values = sum(part.numel() for each in weights.layers for part in (each.qkv, each.output, each.inner, each.outer))
    return Prepared(
        ours=quietly(lambda: encoder(packed)),
        rivals={"our encoder in bf16": quietly(lambda: encode(weights, packed))},
        parity=parity,
        quality=quality,
        note="products by torch, quantised as the states come; random weights",
        graph=True,
        bytes=values,
        operations=2 * count * length * values,
    )


def _away(found: Tensor, exact: Tensor) -> float:
    return ((found.double() - exact.double()).norm() / exact.double().norm()).item()
