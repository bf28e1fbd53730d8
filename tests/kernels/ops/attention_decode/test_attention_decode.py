"""Decoding against a cache: equal to full attention, whatever lies behind the lengths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from packed_inputs import offsets_of, own_rows, plain, random_rows
from torch import Tensor

from videobert_kernels import KernelError, append_to_cache, attention, attention_decode
from videobert_kernels.ops.dispatch import Backend

Check = Callable[..., None]
BF16 = pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda, id="bf16")
DTYPES = [pytest.param(torch.float32, id="fp32"), pytest.param(torch.float16, id="fp16"), BF16]


def caches_of(
    lengths: list[int], capacity: int, heads: int, head_size: int, dtype: torch.dtype, device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values and lengths; NaN wherever nothing is stored."""
    caches = torch.full((2, len(lengths), capacity, heads, head_size), float("nan"), dtype=dtype, device=device)
    for row, length in enumerate(lengths):
        used = min(max(length, 0), capacity)
        caches[:, row, :used] = torch.randn(2, used, heads, head_size).to(dtype).to(device)
    return caches[0], caches[1], torch.tensor(lengths, dtype=torch.int32, device=device)


def plain_decode(query: Tensor, keys: Tensor, values: Tensor, lengths: list[int], dtype: torch.dtype) -> Tensor:
    answers = []
    for row, length in enumerate(lengths):
        offsets = offsets_of([1], str(query.device))
        ranges = torch.tensor([[0, length]], dtype=torch.int32)
        answers.append(plain(query[row : row + 1], keys[row], values[row], offsets, ranges, dtype))
    return torch.cat(answers)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("head_size", [32, 64, 128])
def test_every_length_of_a_small_cache(
    device: str, assert_close: Check, dtype: torch.dtype, head_size: int, backend: Backend
) -> None:
    lengths = [1, 63, 0, 65, 127, 128]
    keys, values, on_device = caches_of(lengths, 128, 1, head_size, dtype, device)
    query = random_rows(len(lengths), 1, head_size, dtype, device)
    answer = attention_decode(query, keys, values, on_device, backend=backend)
    assert_close(
        answer,
        plain_decode(query, keys, values, lengths, dtype),
        plain_decode(query, keys, values, lengths, torch.float64),
    )
    assert not answer[2].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_long_cache_of_many_splits(device: str, assert_close: Check, dtype: torch.dtype) -> None:
    """4,097 rows are 17 long splits, one more than are combined at a time."""
    keys, values, lengths = caches_of([4097], 4097, 1, 32, dtype, device)
    query = random_rows(1, 1, 32, dtype, device)
    answer = attention_decode(query, keys, values, lengths)
    exact = plain_decode(query, keys, values, [4097], torch.float64)
    assert_close(answer, plain_decode(query, keys, values, [4097], dtype), exact)


def test_decoding_is_the_last_row_of_causal_attention(device: str) -> None:
    query, key, value = (random_rows(70, 2, 64, torch.float32, device) for _ in range(3))
    offsets = offsets_of([70], device)
    whole = attention(query, key, value, offsets, own_rows(offsets), longest_query=70, causal=True)
    lengths = torch.tensor([70], dtype=torch.int32, device=device)
    step = attention_decode(query[-1:], key[None], value[None], lengths)
    assert torch.allclose(step, whole[-1:], atol=2e-6)


def test_a_sequence_alone_is_a_sequence_among_others(device: str) -> None:
    keys, values, lengths = caches_of([100, 7, 64], 128, 2, 32, torch.float16, device)
    query = random_rows(3, 2, 32, torch.float16, device)
    together = attention_decode(query, keys, values, lengths)
    for row in range(3):
        one = slice(row, row + 1)
        assert torch.equal(attention_decode(query[one], keys[one], values[one], lengths[one]), together[one])


def test_lengths_outside_the_cache_count_as_its_bounds(device: str) -> None:
    keys, values, _ = caches_of([20, 20], 20, 1, 32, torch.float32, device)
    query = random_rows(2, 1, 32, torch.float32, device)
    wild = torch.tensor([2**31 - 1, -(2**31)], dtype=torch.int32, device=device)
    answer = attention_decode(query, keys, values, wild)
    full = torch.tensor([20, 0], dtype=torch.int32, device=device)
    assert torch.equal(answer, attention_decode(query, keys, values, full))


@pytest.mark.parametrize("magnitude", [1000.0, 60000.0])
def test_large_scores_stay_finite(device: str, magnitude: float) -> None:
    signs = [(torch.randn(1, 70, 1, 64).sign() * magnitude).half().to(device) for _ in range(2)]
    query = (torch.randn(1, 1, 64).sign() * magnitude).half().to(device)
    lengths = torch.tensor([70], dtype=torch.int32, device=device)
    assert torch.isfinite(attention_decode(query, *signs, lengths)).all()


@pytest.mark.parametrize(("batch", "capacity"), [(0, 8), (2, 0)])
def test_nothing_stored_gives_zeros(device: str, batch: int, capacity: int) -> None:
    keys, values, lengths = caches_of([0] * batch, capacity, 2, 32, torch.float32, device)
    query = random_rows(batch, 2, 32, torch.float32, device)
    assert torch.equal(attention_decode(query, keys, values, lengths), torch.zeros_like(query))


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_steps_of_append_and_decode_are_causal_attention(device: str, backend: Backend) -> None:
    """The caches are views of one buffer, with both kinds of rows side by side."""
    query, key, value = (random_rows(5, 2, 32, torch.float16, device) for _ in range(3))
    offsets = offsets_of([5], device)
    whole = attention(query, key, value, offsets, own_rows(offsets), longest_query=5, causal=True)
    buffer = torch.full((1, 6, 2, 2, 32), float("nan"), dtype=torch.float16, device=device)
    keys, values = buffer.unbind(2)
    lengths = torch.zeros(1, dtype=torch.int32, device=device)
    for row in range(5):
        one = slice(row, row + 1)
        append_to_cache(key[one], value[one], keys, values, lengths, backend=backend)
        lengths += 1
        step = attention_decode(query[one], keys, values, lengths, backend=backend)
        assert torch.allclose(step, whole[one], atol=2e-3)
    assert torch.equal(keys[0, :5], key)
    assert torch.equal(values[0, :5], value)
    assert torch.isnan(buffer[0, 5]).all()


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_full_caches_stay_as_they_are(device: str, backend: Backend) -> None:
    keys, values, _ = caches_of([4, 4, 4], 4, 2, 32, torch.float32, device)
    before = keys.clone(), values.clone()
    lengths = torch.tensor([4, -1, 2], dtype=torch.int32, device=device)
    new_key, new_value = (random_rows(3, 2, 32, torch.float32, device) for _ in range(2))
    append_to_cache(new_key, new_value, keys, values, lengths, backend=backend)
    before[0][2, 2], before[1][2, 2] = new_key[2], new_value[2]
    assert torch.equal(keys, before[0])
    assert torch.equal(values, before[1])
    append_to_cache(new_key, new_value, keys[:, :0], values[:, :0], lengths, backend=backend)
    append_to_cache(new_key[:0], new_value[:0], keys[:0], values[:0], lengths[:0], backend=backend)
    assert torch.equal(keys, before[0])


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_wrong_calls_are_named(device: str, backend: Backend) -> None:
    keys, values, lengths = caches_of([3, 3], 4, 2, 32, torch.float32, device)
    query = random_rows(2, 2, 32, torch.float32, device)
    for match, change in {
        r"query has the wrong number of axes; seen: 4": {"query": query[None]},
        r"this head size is not supported; seen: 16; allowed: \(32, 64, 128\)": {"query": query[..., :16]},
        r"key_cache has the wrong shape; seen: \(1, 4, 2, 32\); allowed: \(2, any, any, any\)": {"key_cache": keys[:1]},
        r"value_cache has the wrong shape": {"value_cache": values[:, :3]},
        r"value_cache has another dtype": {"value_cache": values.half()},
        r"value_cache has other heads": {"value_cache": values[:, :, :1]},
        r"lengths has the wrong dtype": {"lengths": lengths.long()},
        r"lengths has the wrong shape": {"lengths": lengths[:1]},
        r"scale must be positive and finite; seen: -1": {"scale": -1.0},
    }.items():
        call = {"query": query, "key_cache": keys, "value_cache": values, "lengths": lengths} | change
        with pytest.raises(KernelError, match=match):
            attention_decode(**call, backend=backend)
    for match, append in {
        r"value has the wrong shape": {"value": query[:1]},
        r"key has the wrong number of axes": {"key": query[0]},
        r"lengths has the wrong dtype": {"lengths": lengths.float()},
    }.items():
        call = {"key": query, "value": query, "key_cache": keys, "value_cache": values, "lengths": lengths} | append
        with pytest.raises(KernelError, match=match):
            append_to_cache(**call, backend=backend)
