"""Figures of packed attention and of decoding, against every form that torch offers for the same batch.

Rivals get their inputs in the layout that suits them, made before the clock starts: packed for the variable-length
entry points of the flash, cuDNN and memory-efficient back ends; padded with a mask for the fixed-length ones. Offsets
and maxima are given to them, so that none of them waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.gpu.case import Case, Prepared, device, tiny
from videobert_kernels import attention, attention_decode

_RAGGED = "1.3 x the fastest of torch's flash, cuDNN and efficient back ends on ragged batches"
_FULL = "as fast as the fastest of torch's flash, cuDNN and efficient back ends at full length"
_FIXED = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
}
_NAMES = {torch.float16: "fp16", torch.bfloat16: "bf16"}


@dataclass(frozen=True, slots=True)
class _Rival:
    """One run, and its answer in our packed layout."""

    run: Callable[[], Tensor]
    packed: Callable[[Tensor], Tensor]


def cases() -> list[Case]:
    """Ragged batches (mean length half of the longest), full batches, and decoding."""
    found = [
        _packed(torch.float16, 64, 512, 64, 1.3, _RAGGED),
        _packed(torch.bfloat16, 64, 512, 64, 1.3, _RAGGED),
        _packed(torch.float16, 64, 256, 128, 1.3, _RAGGED),
        _packed(torch.float16, 64, 128, 256, 1.3, _RAGGED),
        _packed(torch.float16, 64, 512, 32, 1.0, _FULL, full=True),
        _packed(torch.bfloat16, 64, 512, 32, 1.0, _FULL, full=True),
        _packed(torch.float16, 128, 512, 64),
        _packed(torch.float16, 32, 512, 64),
        _packed(torch.float16, 64, 4096, 8),
        _packed(torch.float16, 64, 512, 64, causal=True),
        _decoding(torch.float16, 64, 512, 1),
        _decoding(torch.float16, 64, 512, 64),
    ]
    return found


def _packed(
    dtype: torch.dtype,
    head_size: int,
    longest: int,
    batch: int,
    bar: float | None = None,
    bar_text: str = "no bar",
    *,
    full: bool = False,
    causal: bool = False,
) -> Case:
    kind = ("full" if full else "ragged") + ("-causal" if causal else "")
    name = f"attention/{kind}/{_NAMES[dtype]}-h12-d{head_size}-max{longest}-batch{batch}"
    if tiny():
        dtype, longest, batch = torch.float16, 32, 3
    return Case(
        name=name,
        bar=bar,
        bar_text=bar_text,
        prepare=lambda: _prepare_packed(dtype, 2 if tiny() else 12, head_size, longest, batch, full, causal),
        budget_s=12.0,
    )


def _lengths(longest: int, batch: int, full: bool) -> list[int]:
    """Spread evenly from 1 to the longest, in an order that looks like none; the longest occurs."""
    if full:
        return [longest] * batch
    spread = torch.linspace(1, longest, batch).round().int()
    return [int(length) for length in spread[torch.randperm(batch, generator=torch.Generator().manual_seed(7))]]


def _prepare_packed(
    dtype: torch.dtype, heads: int, head_size: int, longest: int, batch: int, full: bool, causal: bool
) -> Prepared:
    torch.manual_seed(0)
    lengths = _lengths(longest, batch, full)
    total = sum(lengths)
    query, key, value = (torch.randn(total, heads, head_size, device=device(), dtype=dtype) for _ in range(3))
    offsets = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0).int().to(device())
    ranges = torch.stack([offsets[:-1], offsets[1:]], 1).contiguous()

    def ours() -> Tensor:
        return attention(query, key, value, offsets, ranges, longest_query=longest, causal=causal)

    rivals = _varlen(query, key, value, offsets, longest, causal) | _padded(query, key, value, lengths, longest, causal)
    good, note = _that_answer(rivals, ours())
    pairs = sum(n * (n + 1) // 2 if causal else n * n for n in lengths)
    return Prepared(
        ours=ours,
        rivals=good,
        parity=lambda: _parity(ours(), query, key, value, lengths, causal),
        note=note,
        graph=True,
        bytes=4 * query.numel() * query.element_size(),
        operations=4 * pairs * heads * head_size,
    )


def _varlen(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, longest: int, causal: bool
) -> dict[str, _Rival]:
    """The variable-length entry points below torch's nested tensors and `varlen_attn`.

    Without cuDNN's: it cannot be captured, and plans anew in every call (40 ms with torch 2.11 on an H200).
    """
    aten = torch.ops.aten
    same = (offsets, offsets, longest, longest)

    def flash() -> Tensor:
        return aten._flash_attention_forward(query, key, value, *same, 0.0, causal, False)[0]

    def efficient() -> Tensor:
        one = (query[None], key[None], value[None])
        return aten._efficient_attention_forward(*one, None, *same, 0.0, 2 if causal else 0, False)[0]

    return {
        "flash, packed": _Rival(flash, lambda answer: answer),
        "efficient, packed": _Rival(efficient, lambda answer: answer[0]),
    }


def _padded(
    query: Tensor, key: Tensor, value: Tensor, lengths: list[int], longest: int, causal: bool
) -> dict[str, _Rival]:
    """`scaled_dot_product_attention` on the padded batch; without a mask where nothing is padded."""
    ragged = min(lengths) < longest
    places = torch.arange(longest, device=query.device)[None] < torch.tensor(lengths, device=query.device)[:, None]

    def pad(rows: Tensor) -> Tensor:
        padded = torch.zeros(len(lengths), longest, *rows.shape[1:], dtype=rows.dtype, device=rows.device)
        padded[places] = rows
        return padded.transpose(1, 2)

    padded = [pad(rows) for rows in (query, key, value)]
    mask = None
    if ragged:
        mask = places[:, None, None, :]
        if causal:
            mask = mask & torch.ones(longest, longest, dtype=torch.bool, device=query.device).tril()
        # Back ends want the mask's rows written out.
        mask = mask.expand(-1, 1, longest, -1).contiguous()

    def fixed(backend: SDPBackend) -> Callable[[], Tensor]:
        def run() -> Tensor:
            with sdpa_kernel(backend):
                return functional.scaled_dot_product_attention(
                    *padded, attn_mask=mask, is_causal=causal and mask is None
                )

        return run

    def unpadded(answer: Tensor) -> Tensor:
        return answer.transpose(1, 2)[places]

    backends = {"math": SDPBackend.MATH} if tiny() else _FIXED
    return {f"{name}, padded": _Rival(fixed(backend), unpadded) for name, backend in backends.items()}


def _that_answer(rivals: dict[str, _Rival], ours: Tensor) -> tuple[dict[str, Callable[[], Tensor]], str]:
    """The rivals that run here and agree with ours to within rounding; the note says which do not, and why."""
    good: dict[str, Callable[[], Tensor]] = {}
    notes: list[str] = []
    for name, rival in rivals.items():
        try:
            apart = (rival.packed(rival.run()).float() - ours.float()).abs().max().item()
        except Exception as error:
            # A back end may not exist here, or not take this form; the others are still compared.
            notes.append(f"{name}: not run ({type(error).__name__}: {str(error).splitlines()[0][:120]})")
            continue
        if apart < 0.05:
            good[name] = rival.run
            notes.append(f"{name}: within {apart:.2g} of ours")
        else:
            notes.append(f"{name}: left out, {apart:.2g} from ours")
    return good, "; ".join(notes)


def _plain(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """One sequence by scores, softmax and sum, each rounded to the dtype."""
    scores = torch.einsum("qhd,khd->hqk", query, key) * query.shape[-1] ** -0.5
    if causal:
        seen = torch.ones(scores.shape[1:], dtype=torch.bool, device=query.device)
        scores = scores.masked_fill(~seen.tril(len(key) - len(query)), float("-inf"))
    return torch.einsum("hqk,khd->qhd", scores.softmax(-1), value)


def _parity(answer: Tensor, query: Tensor, key: Tensor, value: Tensor, lengths: list[int], causal: bool) -> str | None:
    """Twice the error of plain torch in the same dtype and one rounding unit, against float64, for 12 sequences."""
    begin, worst, allowed = 0, 0.0, 0.0
    for number, length in enumerate(lengths):
        rows = slice(begin, begin + length)
        begin += length
        if number >= 12:
            continue
        own = query[rows], key[rows], value[rows]
        exact = _plain(*(tensor.double() for tensor in own), causal)
        unit = torch.finfo(answer.dtype).eps * exact.abs().max().item()
        allowed = max(allowed, 2 * (_plain(*own, causal).double() - exact).abs().max().item() + unit)
        error = (answer[rows].double() - exact).abs().max().item()
        worst = max(worst, error if error == error else float("inf"))
    return None if worst <= allowed else f"error {worst:.3g}, allowed {allowed:.3g}"


def _decoding(dtype: torch.dtype, head_size: int, capacity: int, batch: int) -> Case:
    name = f"attention/decode/{_NAMES[dtype]}-h12-d{head_size}-cache{capacity}-batch{batch}"
    if tiny():
        dtype, capacity, batch = torch.float16, 70, min(batch, 2)
    return Case(
        name=name,
        bar=None,
        bar_text="no bar",
        prepare=lambda: _prepare_decoding(dtype, 2 if tiny() else 12, head_size, capacity, batch),
        budget_s=8.0,
    )


def _prepare_decoding(dtype: torch.dtype, heads: int, head_size: int, capacity: int, batch: int) -> Prepared:
    torch.manual_seed(0)
    keys, values = (torch.randn(batch, capacity, heads, head_size, device=device(), dtype=dtype) for _ in range(2))
    query = torch.randn(batch, heads, head_size, device=device(), dtype=dtype)
    lengths = _lengths(capacity, batch, full=batch == 1)
    on_device = torch.tensor(lengths, dtype=torch.int32, device=device())
    mask = (torch.arange(capacity, device=device())[None] < on_device[:, None])[:, None, None]

    def ours() -> Tensor:
        return attention_decode(query, keys, values, on_device)

    def fixed(backend: SDPBackend) -> Callable[[], Tensor]:
        def run() -> Tensor:
            one = (query[:, :, None], keys.transpose(1, 2), values.transpose(1, 2))
            with sdpa_kernel(backend):
                return functional.scaled_dot_product_attention(*one, attn_mask=None if batch == 1 else mask)

        return run

    backends = {"math": SDPBackend.MATH} if tiny() else _FIXED
    rivals = {name: _Rival(fixed(backend), lambda answer: answer[:, :, 0]) for name, backend in backends.items()}
    good, note = _that_answer(rivals, ours())

    def parity() -> str | None:
        answer = ours()
        for row, length in list(enumerate(lengths))[:12]:
            said = _one(answer[row], query[row : row + 1], keys[row, :length], values[row, :length])
            if said is not None:
                return f"sequence {row}: {said}"
        return None

    return Prepared(
        ours=ours,
        rivals=good,
        parity=parity,
        note=note,
        graph=True,
        bytes=2 * sum(lengths) * heads * head_size * keys.element_size(),
        operations=4 * sum(lengths) * heads * head_size,
    )


def _one(answer: Tensor, query: Tensor, keys: Tensor, values: Tensor) -> str | None:
    exact = _plain(query.double(), keys.double(), values.double(), False)[0]
    unit = torch.finfo(answer.dtype).eps * exact.abs().max().item()
    allowed = 2 * (_plain(query, keys, values, False)[0].double() - exact).abs().max().item() + unit
    error = (answer.double() - exact).abs().max().item()
    return None if error <= allowed else f"error {error:.3g}, allowed {allowed:.3g}"
