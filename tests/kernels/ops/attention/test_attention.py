"""What packed attention computes, by the tolerance rule; what must never matter; what must be exactly equal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from packed_inputs import offsets_of, own_rows, plain, random_rows
from torch import Tensor

from videobert_kernels import attention
from videobert_kernels.ops.dispatch import Backend

Check = Callable[..., None]
BF16 = pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda, id="bf16")
DTYPES = [pytest.param(torch.float32, id="fp32"), pytest.param(torch.float16, id="fp16"), BF16]


def check(
    assert_close: Check,
    data: tuple[Tensor, Tensor, Tensor],
    offsets: Tensor,
    ranges: Tensor,
    *,
    causal: bool = False,
    longest: int = 128,
    scale: float | None = None,
    backend: Backend = "auto",
) -> Tensor:
    answer = attention(*data, offsets, ranges, longest_query=longest, causal=causal, scale=scale, backend=backend)
    assert answer.dtype == data[0].dtype
    assert answer.is_contiguous()
    same = plain(*data, offsets, ranges, answer.dtype, causal, scale)
    assert_close(answer, same, plain(*data, offsets, ranges, torch.float64, causal, scale))
    return answer


def self_attention(
    lengths: list[int], head_size: int, dtype: torch.dtype, device: str, heads: int = 2
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Tensor]:
    offsets = offsets_of(lengths, device)
    rows = sum(lengths)
    query, key, value = (random_rows(rows, heads, head_size, dtype, device) for _ in range(3))
    return (query, key, value), offsets, own_rows(offsets)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("head_size", [32, 64, 128])
@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_ragged_self_attention(
    device: str, assert_close: Check, dtype: torch.dtype, head_size: int, causal: bool
) -> None:
    heads = 2 if head_size == 64 else 1
    data, offsets, ranges = self_attention([1, 63, 0, 65, 127], head_size, dtype, device, heads)
    check(assert_close, data, offsets, ranges, causal=causal)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_long_segments(device: str, assert_close: Check, dtype: torch.dtype, causal: bool) -> None:
    data, offsets, ranges = self_attention([513], 64, dtype, device, heads=1)
    check(assert_close, data, offsets, ranges, causal=causal, longest=513)


@pytest.mark.parametrize("dtype", DTYPES)
def test_short_segments_share_a_launch(device: str, assert_close: Check, dtype: torch.dtype) -> None:
    data, offsets, ranges = self_attention([7, 1, 32, 0, 31, 5], 64, dtype, device)
    check(assert_close, data, offsets, ranges, longest=32)


@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
@pytest.mark.parametrize("length", [64, 128])
def test_segments_that_fill_their_tiles(device: str, assert_close: Check, length: int, causal: bool) -> None:
    data, offsets, ranges = self_attention([length, length], 32, torch.float16, device, heads=1)
    check(assert_close, data, offsets, ranges, causal=causal)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_cross_attention_with_other_lengths(device: str, assert_close: Check, dtype: torch.dtype, causal: bool) -> None:
    """Co-attention: as many keys as the other stream has, fewer, more, none; overlapping and out of order."""
    offsets = offsets_of([5, 70, 33, 2, 9], device)
    ranges = torch.tensor([[40, 173], [0, 7], [33, 66], [12, 12], [30, 95]], dtype=torch.int32, device=device)
    query = random_rows(119, 1, 32, dtype, device)
    key, value = (random_rows(173, 1, 32, dtype, device) for _ in range(2))
    answer = check(assert_close, (query, key, value), offsets, ranges, causal=causal)
    assert not answer[108:110].any(), "no keys, no answer"
    if causal:
        assert not answer[5:68].any(), "the first 63 of 70 queries see none of 7 keys"


def test_text_only_and_visual_only_are_ranges_of_the_same_rows(device: str, assert_close: Check) -> None:
    """Two sequences of text and visual rows: each part attends to its own kind, or to the other."""
    data, parts, own = self_attention([20, 45, 9, 31], 64, torch.float32, device, heads=1)
    check(assert_close, data, parts, own)
    other = own.view(2, 2, 2).flip(1).reshape(4, 2).contiguous()
    check(assert_close, data, parts, other)


def test_joint_attention_is_not_the_sum_of_its_parts(device: str) -> None:
    data, parts, own = self_attention([20, 45], 64, torch.float32, device, heads=1)
    joint = attention(*data, parts[::2].contiguous(), own.view(1, 4)[:, ::3].contiguous(), longest_query=65)
    whole = own.clone()
    whole[:, 0], whole[:, 1] = 0, 65
    by_parts = attention(*data, parts, whole, longest_query=65)
    assert torch.allclose(joint, by_parts, atol=1e-6)
    assert not torch.allclose(joint, attention(*data, parts, own, longest_query=65), atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_slices_of_a_fused_projection(device: str, assert_close: Check, dtype: torch.dtype) -> None:
    fused = random_rows(50, 3 * 2, 32, dtype, device).view(50, 3, 2, 32)
    offsets = offsets_of([17, 33], device)
    query, key, value = fused.unbind(1)
    assert not query.is_contiguous()
    check(assert_close, (query, key, value), offsets, own_rows(offsets))


def test_every_tensor_may_have_strides_of_its_own(device: str, assert_close: Check) -> None:
    """Heads outermost, rows in reverse order of a wider buffer, an odd distance between rows."""
    query = random_rows(2, 40, 32, torch.float32, device).transpose(0, 1)
    key = random_rows(40, 2, 64, torch.float32, device)[..., 32:]
    value = random_rows(40, 1, 67, torch.float32, device).view(40, 67)[:, 2:66].unflatten(1, (2, 32))
    offsets = offsets_of([40], device)
    check(assert_close, (query, key, value), offsets, own_rows(offsets))


def test_the_scale_can_be_chosen(device: str, assert_close: Check) -> None:
    data, offsets, ranges = self_attention([40], 32, torch.float32, device)
    check(assert_close, data, offsets, ranges, scale=0.9)


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_rows_behind_the_last_offset_are_zeros(device: str, backend: Backend) -> None:
    data, offsets, ranges = self_attention([30, 40], 32, torch.float32, device)
    padded = tuple(torch.cat([tensor, torch.full_like(tensor[:65], float("nan"))]) for tensor in data)
    answer = attention(*padded, offsets, ranges, longest_query=64, backend=backend)
    assert torch.equal(answer[:70], attention(*data, offsets, ranges, longest_query=64, backend=backend))
    assert torch.equal(answer[70:], torch.zeros_like(answer[70:]))


@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_what_lies_outside_a_range_cannot_matter(device: str, causal: bool) -> None:
    """The rows next to a range are read with its last tile; even a NaN there changes nothing."""
    data, offsets, _ = self_attention([40, 50], 32, torch.float16, device)
    ranges = torch.tensor([[3, 40], [41, 89]], dtype=torch.int32, device=device)
    clean = attention(*data, offsets, ranges, longest_query=64, causal=causal)
    for tensor in data[1:]:
        for row in (0, 2, 40, 89):
            tensor[row] = float("nan")
    assert torch.equal(attention(*data, offsets, ranges, longest_query=64, causal=causal), clean)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("longest", [32, 512])
def test_a_sequence_alone_is_a_sequence_among_others(device: str, dtype: torch.dtype, longest: int) -> None:
    (query, key, value), offsets, ranges = self_attention([13, 70, 29], 64, dtype, device)
    together = attention(query, key, value, offsets, ranges, longest_query=longest)
    for begin, end in ranges.tolist():
        own = (tensor[begin:end] for tensor in (query, key, value))
        alone_offsets = offsets_of([end - begin], device)
        alone = attention(*own, alone_offsets, own_rows(alone_offsets), longest_query=longest)
        assert torch.equal(alone, together[begin:end])


@pytest.mark.parametrize("magnitude", [30.0, 1000.0, 60000.0])
@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_large_scores_stay_finite(device: str, magnitude: float, causal: bool) -> None:
    """Up to the end of fp16: scores of 10 to the power of 10, where one unit of rounding is 1,024."""
    offsets = offsets_of([70], device)
    data = tuple((random_rows(70, 1, 64, torch.float32, device).sign() * magnitude).half() for _ in range(3))
    answer = attention(*data, offsets, own_rows(offsets), longest_query=128, causal=causal)
    assert torch.isfinite(answer).all()
    exact = plain(*data, offsets, own_rows(offsets), torch.float64, causal)
    largest = (data[0].double().flatten(1) @ data[1].double().flatten(1).T) / 8
    if causal:
        largest = largest.masked_fill(torch.ones_like(largest).triu(1).bool(), float("-inf"))
    best = largest.topk(2, dim=1).values
    clear = best[:, 0] - best[:, 1] > 1e-3 * best[:, 0].abs()  # Elsewhere a tie of exact scores decides.
    assert clear.any()
    assert (answer.double() - exact)[clear].abs().max() <= 1e-3 * magnitude


def test_equal_scores_give_the_mean(device: str) -> None:
    data, offsets, ranges = self_attention([65], 32, torch.float32, device)
    answer = attention(torch.zeros_like(data[0]), *data[1:], offsets, ranges, longest_query=128)
    assert torch.allclose(answer, data[2].mean(0, keepdim=True).expand_as(answer), atol=1e-6)


def test_a_single_key_is_copied_exactly(device: str) -> None:
    data, offsets, ranges = self_attention([1, 1, 1], 64, torch.float16, device)
    assert torch.equal(attention(*data, offsets, ranges, longest_query=1), data[2])


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_nothing_at_all(device: str, lengths: list[int]) -> None:
    data, offsets, ranges = self_attention(lengths, 32, torch.float16, device)
    assert attention(*data, offsets, ranges, longest_query=0).shape == (0, 2, 32)


def test_no_keys_at_all(device: str) -> None:
    query = random_rows(33, 2, 32, torch.float32, device)
    offsets = offsets_of([33], device)
    ranges = torch.zeros(1, 2, dtype=torch.int32, device=device)
    answer = attention(query, query[:0], query[:0], offsets, ranges, longest_query=33)
    assert torch.equal(answer, torch.zeros_like(query))


def test_more_segments_than_one_search_step_sees(device: str, assert_close: Check) -> None:
    """129 offsets are one more than are looked at together; most segments are empty, which still have a tile."""
    lengths = [0] * 131
    lengths[0], lengths[127], lengths[128], lengths[130] = 3, 2, 4, 1
    data, offsets, ranges = self_attention(lengths, 32, torch.float32, device, heads=1)
    check(assert_close, data, offsets, ranges, longest=32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_the_reference_keeps_the_same_rule(device: str, assert_close: Check, dtype: torch.dtype, causal: bool) -> None:
    offsets = offsets_of([5, 40, 0, 9], device)
    ranges = torch.tensor([[0, 60], [3, 10], [0, 9], [20, 20]], dtype=torch.int32, device=device)
    query = random_rows(54, 2, 32, dtype, device)
    key, value = (random_rows(60, 2, 32, dtype, device) for _ in range(2))
    check(assert_close, (query, key, value), offsets, ranges, causal=causal, backend="reference")
