"""`masked_top_k`, interpreted or on a GPU, against a stable sort of float64 logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.masked_top_k import configs
from videobert_kernels.ops.masked_top_k.launch import TopK, masked_top_k

HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)]


def _inputs(tokens: int, vocabulary: int, width: int, dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor, Tensor]:
    states, table, bias = torch.randn(tokens, width), torch.randn(vocabulary, width), torch.randn(vocabulary)
    return states.to(device, dtype), table.to(device, dtype), bias.to(device, dtype)


def _rows(device: str, *rows: int) -> Tensor:
    return torch.tensor(rows, dtype=torch.int32, device=device)


def _integers(*shape: int) -> Tensor:
    """Small whole numbers: products and sums are exact in every dtype, so that ids can be compared exactly."""
    return torch.randint(-3, 4, shape).float()


def _exact(states: Tensor, rows: Tensor, table: Tensor, bias: Tensor, first: int, end: int) -> Tensor:
    return states[rows.long()].double() @ table[first:end].double().T + bias[first:end].double()


def _check(found: TopK, logits: Tensor, first: int) -> None:
    values, ids = logits.sort(dim=1, descending=True, stable=True)
    k = found.ids.shape[1]
    assert found.ids.dtype == torch.int32
    assert torch.equal(found.ids.long(), ids[:, :k] + first)
    assert torch.equal(found.values.double(), values[:, :k])
    assert torch.allclose(found.log_sum_exp.double(), logits.logsumexp(1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize(
    ("count", "vocabulary", "width", "k", "first", "end"),
    [
        (1, 1, 16, 1, 0, None),
        (1, 63, 16, 32, 0, None),
        (3, 65, 64, 5, 0, None),
        (2, 200, 100, 7, 64, 128),
        (5, 301, 33, 32, 13, 300),
        (17, 130, 24, 3, 1, None),
        (66, 70, 16, 2, 0, None),
    ],
    ids=str,
)
def test_ids_and_values_are_those_of_a_stable_sort(
    count: int, vocabulary: int, width: int, k: int, first: int, end: int | None, dtype: torch.dtype, device: str
) -> None:
    """The numbers are small integers, so most logits are tied with others: the lowest id must come first."""
    states, table, bias = (
        tensor.to(device, dtype)
        for tensor in (_integers(9, width), _integers(vocabulary, width), _integers(vocabulary))
    )
    rows = torch.randint(9, (count,), dtype=torch.int32).to(device)
    found = masked_top_k(states, rows, table, bias, k=k, first=first, end=end, backend="triton")
    _check(found, _exact(states, rows, table, bias, first, vocabulary if end is None else end), first)


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_values_and_sums_of_random_states(dtype: torch.dtype, device: str, assert_close: Callable[..., None]) -> None:
    states, table, bias = _inputs(6, 257, 96, dtype, device)
    rows = _rows(device, 5, 0, 0)
    found = masked_top_k(states, rows, table, bias, k=4, backend="triton")
    exact = _exact(states, rows, table, bias, 0, 257)
    plain = (states[rows.long()] @ table.T + bias).float()
    assert_close(found.values, plain.topk(4).values, exact.topk(4).values)
    assert_close(found.log_sum_exp, plain.logsumexp(1), exact.logsumexp(1))
    assert found.values.dtype == found.log_sum_exp.dtype == torch.float32
    if dtype == torch.float32:
        assert torch.equal(found.ids.long(), exact.topk(4).indices)


def test_candidates_of_many_tiles_are_merged_group_by_group(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from videobert_kernels.ops.masked_top_k import launch

    monkeypatch.setattr(launch, "CANDIDATES", 16)
    states, table, bias = (tensor.to(device) for tensor in (_integers(2, 8), _integers(600, 8), _integers(600)))
    rows = _rows(device, 1, 0)
    for k in (1, 5):
        found = masked_top_k(states, rows, table, bias, k=k, backend="triton")
        _check(found, _exact(states, rows, table, bias, 0, 600), 0)


@pytest.mark.parametrize("backend", ["triton", "reference"])
def test_a_row_that_names_no_state_reads_nothing(backend: Any, device: str) -> None:
    states, table, bias = _inputs(3, 80, 16, torch.float32, device)
    rows = _rows(device, 2, -1, 3, 2**31 - 1, 0)
    found = masked_top_k(states, rows, table, bias, k=3, backend=backend)
    assert (found.ids[1:4] == -1).all()
    assert (found.values[1:4] == -torch.inf).all()
    assert (found.log_sum_exp[1:4] == -torch.inf).all()
    alone = masked_top_k(states, rows[[0, 4]], table, bias, k=3, backend=backend)
    for whole, part in zip(found, alone, strict=True):
        assert torch.allclose(whole[[0, 4]], part)


@pytest.mark.parametrize("backend", ["triton", "reference"])
def test_a_bias_of_minus_infinity_takes_an_id_out(backend: Any, device: str) -> None:
    states, table, bias = _inputs(1, 70, 16, torch.float32, device)
    bias[:68] = -torch.inf  # leaves two, in the last tile; the first has none
    found = masked_top_k(states, _rows(device, 0), table, bias, k=4, backend=backend)
    logits = (states @ table.T + bias)[0]
    assert sorted(found.ids[0, :2].tolist()) == [68, 69]
    assert found.ids[0, 2:].tolist() == [0, 1]
    assert (found.values[0, 2:] == -torch.inf).all()
    assert torch.allclose(found.log_sum_exp[0], logits.logsumexp(0))


def test_zeros_of_both_signs_are_tied(device: str) -> None:
    states, table = torch.ones((1, 16), device=device), torch.zeros((4, 16), device=device)
    bias = torch.tensor([-1.0, -0.0, 0.0, -0.0], device=device)
    found = masked_top_k(states, _rows(device, 0), table, bias, k=4, backend="triton")
    assert found.ids[0].tolist() == [1, 2, 3, 0]


def test_infinities_and_large_fp16_states_rank_without_overflow(device: str) -> None:
    states = torch.full((1, 16), 6e4, dtype=torch.float16, device=device)
    table = torch.tensor([1.0, 6e4, -6e4, 2.0], dtype=torch.float16, device=device)[:, None].expand(4, 16).contiguous()
    bias = torch.zeros(4, dtype=torch.float16, device=device)
    found = masked_top_k(states, _rows(device, 0), table, bias, k=4, backend="triton")
    assert found.ids[0].tolist() == [1, 3, 0, 2]
    assert torch.isfinite(found.values).all()
    assert torch.isfinite(found.log_sum_exp).all()


@pytest.mark.parametrize("backend", ["triton", "reference"])
def test_no_masked_position_is_no_answer(backend: Any, device: str) -> None:
    states, table, bias = _inputs(3, 40, 16, torch.float16, device)
    for tokens in (0, 3):
        found = masked_top_k(states[:tokens], _rows(device), table, bias, k=2, backend=backend)
        assert [tuple(tensor.shape) for tensor in found] == [(0, 2), (0, 2), (0,)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, about the NaN, under the interpreter
def test_a_position_does_not_depend_on_its_neighbours(device: str) -> None:
    states, table, bias = _inputs(4, 100, 40, torch.float32, device)
    states[1] = torch.nan
    together = masked_top_k(states, _rows(device, 0, 1, 3), table, bias, k=5, backend="triton")
    alone = masked_top_k(states, _rows(device, 3), table, bias, k=5, backend="triton")
    for whole, part in zip(together, alone, strict=True):
        assert torch.equal(whole[2], part[0])
    assert ((together.ids >= 0) & (together.ids < 100)).all()  # even where the logits are NaN


def test_the_reference_agrees(device: str) -> None:
    states, table, bias = (tensor.to(device) for tensor in (_integers(5, 12), _integers(90, 12), _integers(90)))
    rows = _rows(device, 4, 2)
    found = masked_top_k(states, rows, table, bias, k=6, first=10, end=80, backend="reference")
    _check(found, _exact(states, rows, table, bias, 10, 80), 10)


def test_wrong_arguments_are_named(device: str) -> None:
    states, table, bias = _inputs(3, 40, 16, torch.float32, device)
    rows = _rows(device, 1)
    for k, slice_, message in (
        (0, {}, "k is out of range; seen: 0; allowed: 1 to 32"),
        (33, {}, "seen: 33; allowed: 1 to 32"),
        (5, {"first": 36}, "seen: 5; allowed: 1 to 4"),
        (1, {"first": 7, "end": 7}, "the slice is out of range; seen: 7 to 7"),
        (1, {"end": 41}, "seen: 0 to 41; allowed: within 0 to 40"),
    ):
        with pytest.raises(KernelError, match=message):
            masked_top_k(states, rows, table, bias, k=k, **slice_)
    with pytest.raises(KernelError, match="rows has the wrong dtype"):
        masked_top_k(states, rows.long(), table, bias, k=1)
    with pytest.raises(KernelError, match=r"table has the wrong shape; seen: \(40, 16\); allowed: \(any, 15\)"):
        masked_top_k(states[:, :15].contiguous(), rows, table, bias, k=1)


def test_a_merge_always_gets_smaller() -> None:
    assert configs.CANDIDATES // configs.LARGEST_K > 1
    assert configs.CANDIDATES & (configs.CANDIDATES - 1) == 0


def test_the_operator_traces_without_data(device: str) -> None:
    torch.library.opcheck(
        torch.ops.videobert_kernels.masked_top_k.default,
        (*_with_rows(_inputs(3, 40, 16, torch.float32, device), device), 3, 2, 38, "reference"),
        test_utils=("test_schema", "test_faketensor"),
    )


def _with_rows(inputs: tuple[Tensor, Tensor, Tensor], device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    states, table, bias = inputs
    return states, _rows(device, 0, 2), table, bias
