"""The packed encoder, interpreted or on a GPU, against BERT's formulas in float64, sequence by sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from videobert_kernels.ops.packed_encoder import (
    EncoderWeights,
    LayerWeights,
    PackedInputs,
    encode,
    encode_states,
)

WIDTH, HEADS, INNER, WORDS, POSITIONS, LAYERS = 64, 2, 96, 150, 40, 2
EPS = 1e-12


def _random(*shape: int) -> Tensor:
    return torch.randn(shape) / (shape[-1] ** 0.5 if len(shape) > 1 else 4)


def _layer() -> LayerWeights:
    return LayerWeights(
        qkv=_random(3 * WIDTH, WIDTH),
        qkv_bias=_random(3 * WIDTH),
        output=_random(WIDTH, WIDTH),
        output_bias=_random(WIDTH),
        attention_norm=1 + _random(WIDTH),
        attention_norm_bias=_random(WIDTH),
        inner=_random(INNER, WIDTH),
        inner_bias=_random(INNER),
        outer=_random(WIDTH, INNER),
        outer_bias=_random(WIDTH),
        outer_norm=1 + _random(WIDTH),
        outer_norm_bias=_random(WIDTH),
    )


@pytest.fixture
def weights(device: str) -> EncoderWeights:
    made = EncoderWeights(
        heads=HEADS,
        eps=EPS,
        tokens=torch.randn(WORDS, WIDTH),
        positions=torch.randn(POSITIONS, WIDTH),
        segments=torch.randn(2, WIDTH),
        norm=1 + _random(WIDTH),
        norm_bias=_random(WIDTH),
        layers=tuple(_layer() for _ in range(LAYERS)),
    )
    return made.to(device, torch.float32)


def _inputs(lengths: Sequence[int], device: str, *, room: int = 0, slots: int = 0) -> PackedInputs:
    """Sequences of random tokens, then `room` tokens of no sequence and `slots` sequences of no tokens."""
    offsets = torch.tensor([0, *lengths] + [0] * slots).cumsum(0).int()
    total = int(offsets[-1])
    generator = torch.Generator().manual_seed(sum(lengths))
    positions = torch.cat([torch.arange(length) for length in lengths] + [torch.full((room,), 10**6)])
    ids = torch.cat([torch.randint(WORDS, (total,), generator=generator), torch.full((room,), -5)])
    parts = {
        "ids": ids,
        "positions": positions,
        "segments": ids % 2,
        "offsets": offsets,
        "key_ranges": torch.stack([offsets[:-1], offsets[1:]], 1),
    }
    return PackedInputs(**{name: part.int().to(device) for name, part in parts.items()}, longest=max(lengths))


def _plain(weights: EncoderWeights, inputs: PackedInputs, dtype: torch.dtype) -> Tensor:
    """BERT in plain torch, one sequence at a time."""
    weights = weights.to(weights.tokens.device, dtype)
    bounds = inputs.offsets.tolist()
    return torch.cat([_plain_sequence(weights, inputs, slice(*pair)) for pair in pairwise(bounds)])


def _plain_sequence(weights: EncoderWeights, inputs: PackedInputs, rows: slice) -> Tensor:
    def norm(states: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.layer_norm(states, (WIDTH,), weight, bias, EPS)

    states = weights.tokens[inputs.ids[rows]] + weights.positions[inputs.positions[rows]]
    states = norm(states + weights.segments[inputs.segments[rows]], weights.norm, weights.norm_bias)
    for layer in weights.layers:
        stacked = functional.linear(states, layer.qkv, layer.qkv_bias).view(len(states), 3, weights.heads, -1)
        query, key, value = stacked.permute(1, 2, 0, 3)
        scores = (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)
        mixed = functional.linear((scores @ value).transpose(0, 1).flatten(1), layer.output, layer.output_bias)
        states = norm(states + mixed, layer.attention_norm, layer.attention_norm_bias)
        wide = functional.gelu(functional.linear(states, layer.inner, layer.inner_bias))
        states = states + functional.linear(wide, layer.outer, layer.outer_bias)
        states = norm(states, layer.outer_norm, layer.outer_norm_bias)
    return states


HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)]


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_states_are_berts(
    dtype: torch.dtype, weights: EncoderWeights, device: str, assert_close: Callable[..., None]
) -> None:
    cast, inputs = weights.to(device, dtype), _inputs([1, 7, 2], device)
    states = encode(cast, inputs)
    assert states.dtype == dtype
    assert_close(states, _plain(cast, inputs, dtype), _plain(cast, inputs, torch.float64))


def test_filler_has_no_influence_and_leaves_no_nan(weights: EncoderWeights, device: str) -> None:
    tight = encode(weights, _inputs([5, 2], device))
    loose = encode(weights, _inputs([5, 2], device, room=4, slots=2))
    assert torch.isfinite(loose).all()
    assert (loose[:7] - tight).abs().max() <= 1e-5


def test_the_reference_agrees(weights: EncoderWeights, device: str, assert_close: Callable[..., None]) -> None:
    inputs = _inputs([6, 1, 30], device)
    states = encode(weights, inputs, backend="reference")
    assert_close(states, _plain(weights, inputs, torch.float32), _plain(weights, inputs, torch.float64))


def test_heads_that_are_filled_up_compute_the_same(
    weights: EncoderWeights, device: str, assert_close: Callable[..., None]
) -> None:
    inputs, small = _inputs([6, 1, 30], device), replace(weights, heads=4)
    widened = small.stack.with_heads_of(32)
    assert widened.layers[0].qkv.shape == (3 * 4 * 32, WIDTH)
    states = encode_states(widened, encode(replace(weights, layers=()), inputs), inputs)
    assert_close(states, _plain(small, inputs, torch.float32), _plain(small, inputs, torch.float64))
    assert small.stack.with_heads_of(16).scale is None


def test_weights_that_fit_are_shared_and_others_cast(weights: EncoderWeights, device: str) -> None:
    assert weights.to(device, torch.float32).layers[0].qkv.data_ptr() == weights.layers[0].qkv.data_ptr()
    half = weights.to(device, torch.float16)
    assert {half.tokens.dtype, half.layers[1].outer_norm_bias.dtype, half.norm.dtype} == {torch.float16}
    assert (half.heads, half.eps, half.width) == (HEADS, EPS, WIDTH)


class _Pass(nn.Module):
    """The whole pass as a module of tensors, as tracers want it."""

    def __init__(self, weights: EncoderWeights) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, ids: Tensor, positions: Tensor, segments: Tensor, offsets: Tensor, key_ranges: Tensor) -> Tensor:
        inputs = PackedInputs(
            ids=ids, positions=positions, segments=segments, offsets=offsets, key_ranges=key_ranges, longest=3
        )
        return encode(self.weights, inputs, backend="reference")


@pytest.mark.parametrize("tracer", ["compile", "export"])
def test_the_whole_pass_is_traced_without_a_break(tracer: str, weights: EncoderWeights, device: str) -> None:
    inputs = _inputs([3, 1], device)
    tensors = (inputs.ids, inputs.positions, inputs.segments, inputs.offsets, inputs.key_ranges)
    module = _Pass(replace(weights, layers=weights.layers[:1]))
    if tracer == "compile":
        traced = torch.compile(module, backend="aot_eager", fullgraph=True)
    else:
        traced = torch.export.export(module, tensors).module()
    assert torch.equal(traced(*tensors), module(*tensors))


@pytest.mark.needs_cuda
def test_a_captured_graph_answers_every_batch_that_fits(weights: EncoderWeights, device: str) -> None:
    static = _inputs([8, 3], device, room=21, slots=2)
    encode(weights, static)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        states = encode(weights, static)
    for lengths, room, slots in (([8, 3], 21, 2), ([32], 0, 3), ([1, 2, 3, 4], 22, 0)):
        other = _inputs(lengths, device, room=room, slots=slots)
        for name in ("ids", "positions", "segments", "offsets", "key_ranges"):
            getattr(static, name).copy_(getattr(other, name))
        graph.replay()
        wanted = encode(weights, _inputs(lengths, device))
        assert (states[: len(wanted)] - wanted).abs().max() <= 1e-5
