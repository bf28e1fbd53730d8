"""Figures of the packed encoder and of the fused operators, against torch on the same tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu.case import Case, Prepared, device, tiny
from benchmarks.gpu.plain_bert import PlainBert, random_weights
from videobert_kernels import bias_gelu, bias_residual_layer_norm, embed_layer_norm, masked_top_k
from videobert_kernels.ops.packed_encoder import EncoderWeights, PackedInputs, encode

_NO_BAR = "no bar of its own: a part of the encoder"
_WORDS = 30_522
_TENSOR_CORE_ROWS = 64


def cases() -> list[Case]:
    """One sequence of 128 tokens at BERT-base's sizes, a ragged batch, and each operator alone."""
    return [
        Case(
            name="encoder/base-1x128/eager",
            bar=3.0,
            bar_text="at least 3x torch eager",
            prepare=partial(_one_sequence, compiled=False),
        ),
        Case(
            name="encoder/base-1x128/compiled",
            bar=1.3,
            bar_text="at least 1.3x torch.compile, max-autotune with graphs",
            prepare=partial(_one_sequence, compiled=True),
            cost_s=60.0,
            budget_s=120.0,
        ),
        Case(
            name="encoder/base-32-ragged",
            bar=None,
            bar_text="no bar: what padding costs, both captured",
            prepare=_ragged,
        ),
        *(
            Case(name=f"fusion/{name}/{tokens}", bar=None, bar_text=_NO_BAR, prepare=partial(make, tokens))
            for name, make in (
                ("embed_layer_norm", _embed),
                ("bias_gelu", _gelu),
                ("bias_residual_layer_norm", _residual),
            )
            for tokens in (128, 4096)
        ),
        *(
            Case(name=f"fusion/masked_top_k/{count}", bar=None, bar_text=_NO_BAR, prepare=partial(_top_k, count))
            for count in (1, 8, 64)
        ),
    ]


def _dtype() -> torch.dtype:
    return torch.float32 if tiny() else torch.bfloat16


def base_weights() -> EncoderWeights:
    """BERT-base with its words."""
    sizes = {"layers": 12, "width": 768, "heads": 12, "inner": 3072, "vocabulary": _WORDS, "positions": 512}
    if tiny():
        sizes = {"layers": 1, "width": 64, "heads": 2, "inner": 96, "vocabulary": 120, "positions": 16}
    return random_weights(**sizes, device=device(), dtype=_dtype())


def _one_sequence(*, compiled: bool) -> Prepared:
    weights = base_weights()
    length = 8 if tiny() else 128
    packed, ids, segments, _ = batch(weights, [length])
    plain = PlainBert(weights).eval()
    name = "torch.compile" if compiled else "torch eager"
    rival = torch.compile(plain, mode="max-autotune") if compiled and not tiny() else plain
    if compiled and not tiny():
        with torch.inference_mode():
            for _ in range(3):  # compiles, then records its own graph
                rival(ids, segments)
    layer_values = sum(part.numel() for part in _tensors(weights))
    return Prepared(
        ours=quietly(lambda: encode(weights, packed)),
        rivals={name: quietly(lambda: rival(ids, segments))},
        parity=lambda: _parity(encode(weights, packed)[None], weights, plain, ids, segments, None),
        note="weights are read once: from memory, unless the second-level cache holds them",
        graph=True,
        uncaptured=frozenset({name}),
        bytes=layer_values * weights.tokens.element_size(),
        operations=2 * length * layer_values,
    )


def _ragged() -> Prepared:
    weights = base_weights()
    longest = 12 if tiny() else 256
    count = 3 if tiny() else 32
    # Evenly from 1 to the longest: half of the padded batch is padding.
    lengths = [1 + round(row * (longest - 1) / (count - 1)) for row in range(count)]
    packed, ids, segments, mask = batch(weights, lengths)
    plain = PlainBert(weights).eval()
    values = sum(part.numel() for part in _tensors(weights))
    return Prepared(
        ours=quietly(lambda: encode(weights, packed)),
        rivals={"torch padded": quietly(lambda: plain(ids, segments, mask))},
        parity=lambda: _parity(encode(weights, packed), weights, plain, ids, segments, mask),
        note=f"{sum(lengths)} tokens; padded {mask.numel()}",
        graph=True,
        operations=2 * sum(lengths) * values,
    )


def batch(weights: EncoderWeights, lengths: Sequence[int]) -> tuple[PackedInputs, Tensor, Tensor, Tensor]:
    """The same sequences packed, and padded with their mask."""
    random = torch.Generator().manual_seed(1)
    shape = (len(lengths), max(lengths))
    ids, segments = torch.randint(len(weights.tokens), shape, generator=random), torch.zeros(shape, dtype=torch.int64)
    segments[:, shape[1] // 2 :] = 1
    mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    parts = {
        "ids": ids[mask],
        "positions": torch.arange(shape[1]).expand(shape)[mask],
        "segments": segments[mask],
        "offsets": offsets,
        "key_ranges": torch.stack([offsets[:-1], offsets[1:]], 1),
    }
    packed = {name: part.int().to(device()) for name, part in parts.items()}
    return PackedInputs(**packed, longest=max(lengths)), ids.to(device()), segments.to(device()), mask.to(device())


def _tensors(weights: EncoderWeights) -> list[Tensor]:
    return [part for layer in weights.layers for part in (layer.qkv, layer.output, layer.inner, layer.outer)]


def quietly(run: Callable[[], object]) -> Callable[[], object]:
    def inside() -> object:
        with torch.inference_mode():
            return run()

    return inside


def _parity(
    ours: Tensor, weights: EncoderWeights, plain: PlainBert, ids: Tensor, segments: Tensor, mask: Tensor | None
) -> str | None:
    """Packed or padded states of ours against torch's, both against the next wider dtype."""
    wide = torch.float64 if tiny() else torch.float32
    with torch.inference_mode():
        exact = PlainBert(weights.to(device(), wide)).eval()(ids, segments, mask)
        theirs = plain(ids, segments, mask)
    if mask is not None:
        exact, theirs = exact[mask], theirs[mask]
    return _rule(ours, theirs, exact)


def _rule(ours: Tensor, theirs: Tensor, exact: Tensor) -> str | None:
    """None if our error is at most twice torch's in the same dtype, plus one rounding unit."""
    error, other = ((part.double() - exact.double()).abs().max().item() for part in (ours, theirs))
    allowed = 2 * other + torch.finfo(ours.dtype).eps * exact.abs().max().item()
    return None if error <= allowed else f"error {error:.3g}, allowed {allowed:.3g}"


def _random(*shape: int) -> Tensor:
    random = torch.Generator().manual_seed(len(shape))
    return torch.randn(shape, generator=random).to(device(), _dtype())


def _sizes(tokens: int) -> tuple[int, int]:
    return (5, 48) if tiny() else (tokens, 768)


def _embed(tokens: int) -> Prepared:
    rows, width = _sizes(tokens)
    words = 100 if tiny() else _WORDS
    ids = torch.randint(words, (rows,), generator=torch.Generator().manual_seed(0)).to(device())
    positions = torch.arange(rows, device=device()) % (8 if tiny() else 512)
    segments = ids % 2
    tables = (_random(words, width), _random(512, width), _random(2, width))
    weight, bias = _random(width), _random(width)
    indices = tuple(part.int() for part in (ids, positions, segments))

    def plain(dtype: torch.dtype) -> Tensor:
        token, position, segment = (table.to(dtype) for table in tables)
        states = token[ids] + position[positions] + segment[segments]
        return functional.layer_norm(states, (width,), weight.to(dtype), bias.to(dtype), 1e-12)

    def ours() -> Tensor:
        return embed_layer_norm(*indices, *tables, weight, bias)

    traffic = 4 * rows * width * weight.element_size()
    return _operator(ours, lambda: plain(_dtype()), lambda: plain(torch.float64), traffic)


def _gelu(tokens: int) -> Prepared:
    rows, width = _sizes(tokens)
    states, bias = _random(rows, 4 * width), _random(4 * width)
    return _operator(
        lambda: bias_gelu(states, bias),
        lambda: functional.gelu(states + bias),
        lambda: functional.gelu(states.double() + bias.double()),
        2 * states.numel() * states.element_size(),
    )


def _residual(tokens: int) -> Prepared:
    rows, width = _sizes(tokens)
    states, residual = _random(rows, width), _random(rows, width).flip(0).contiguous()
    bias, weight, offset = _random(width), _random(width), _random(width)
    return _operator(
        lambda: bias_residual_layer_norm(states, bias, residual, weight, offset),
        lambda: functional.layer_norm(states + bias + residual, (width,), weight, offset, 1e-12),
        lambda: functional.layer_norm(
            states.double() + bias.double() + residual.double(), (width,), weight.double(), offset.double(), 1e-12
        ),
        3 * states.numel() * states.element_size(),
    )


def _operator(
    ours: Callable[[], Tensor], theirs: Callable[[], Tensor], exact: Callable[[], Tensor], traffic: int
) -> Prepared:
    return Prepared(
        ours=quietly(ours),
        rivals={"torch": quietly(theirs)},
        parity=lambda: _rule(ours(), theirs(), exact()),
        graph=True,
        bytes=traffic,
    )


def _fp32_product(states: Tensor, table: Tensor) -> Tensor:
    """The product in fp32 from operands of a lower precision, as tensor cores add it up: of a single row torch makes
    another product, without them."""
    if states.dtype is torch.float32:
        return states @ table.T
    rows = max(_TENSOR_CORE_ROWS, len(states))
    return torch.mm(states.repeat(rows, 1)[:rows], table.T, out_dtype=torch.float32)[: len(states)]


def _top_k(count: int) -> Prepared:
    words, width, k = (130, 48, 5) if tiny() else (_WORDS, 768, 5)
    count = min(count, 3) if tiny() else count
    states, table, bias = _random(count, width), 0.05 * _random(words, width), _random(words)
    rows = torch.arange(count, dtype=torch.int32, device=device())

    def theirs() -> tuple[Tensor, ...]:
        logits = torch.addmm(bias, states, table.T).float()
        return (*logits.topk(k), logits.logsumexp(1))

    def parity() -> str | None:
        found = masked_top_k(states, rows, table, bias, k=k)
        logits = states.double() @ table.double().T + bias.double()
        # Logits are fp32 in every dtype, so what may be wrong with them is what torch gets wrong with fp32 logits.
        plain = _fp32_product(states, table) + bias.float()
        allowed = 2 * (plain - logits).abs().max() + torch.finfo(torch.float32).eps * logits.abs().max()
        best = logits.topk(k).values
        # Near ties may change places; what counts is that the logits of the answers are the best there are.
        chosen = logits.gather(1, found.ids.long())
        sums = logits.logsumexp(1)
        for what, away in (
            ("the answers are not the best", best - chosen),
            ("the values are not those of the answers", found.values.double() - chosen),
            ("the log-sum-exp is wrong", found.log_sum_exp.double() - sums),
        ):
            if not away.abs().max() <= allowed:
                return f"{what}: {away.abs().max():.3g} away, allowed {allowed:.3g}"
        return None

    return Prepared(
        ours=quietly(lambda: masked_top_k(states, rows, table, bias, k=k)),
        rivals={"torch": quietly(theirs)},
        parity=parity,
        note="torch's logits are rounded to the dtype before they are ranked",
        graph=True,
        bytes=table.numel() * table.element_size(),
        operations=2 * count * words * width,
    )
