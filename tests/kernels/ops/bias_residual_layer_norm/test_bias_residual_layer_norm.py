"""`bias_residual_layer_norm`, interpreted or on a GPU, against torch in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.bias_residual_layer_norm.launch import bias_residual_layer_norm

HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)]
SHAPES = [(1, 1), (2, 64), (3, 100), (5, 127), (2, 128), (1, 129), (3, 768), (2, 1024), (1, 1500), (1, 4096), (0, 64)]


def _inputs(shape: tuple[int, int], dtype: torch.dtype, device: str) -> tuple[Tensor, ...]:
    width = shape[1]
    tensors = (torch.randn(shape), torch.randn(width), torch.randn(shape), torch.randn(width), torch.randn(width))
    return tuple(tensor.to(device, dtype) for tensor in tensors)


def _plain(states: Tensor, bias: Tensor, residual: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
    return functional.layer_norm(states + bias + residual, weight.shape, weight, offset, 1e-12)


def _exact(*inputs: Tensor) -> Tensor:
    return _plain(*(tensor.double() for tensor in inputs))


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_the_norm_of_the_sum(
    shape: tuple[int, int], dtype: torch.dtype, device: str, assert_close: Callable[..., None]
) -> None:
    inputs = _inputs(shape, dtype, device)
    result = bias_residual_layer_norm(*inputs, backend="triton")
    assert result.dtype == dtype
    assert_close(result, _plain(*inputs), _exact(*inputs))


@pytest.mark.parametrize("offset", [1e3, 1e5, -3e6])
@pytest.mark.parametrize("width", [100, 768])
def test_rows_with_a_large_offset_keep_their_digits(
    offset: float, width: int, device: str, assert_close: Callable[..., None]
) -> None:
    states, bias, residual, weight, shift = _inputs((3, width), torch.float32, device)
    # What the sum holds exactly, so that nothing but the statistics can lose digits.
    states = (states * 8).round() + offset
    bias, residual = torch.zeros_like(bias), torch.zeros_like(residual)
    result = bias_residual_layer_norm(states, bias, residual, weight, shift, backend="triton")
    exact = _exact(states, bias, residual, weight, shift)
    assert (result.double() - exact).abs().max() <= 4 * torch.finfo(torch.float32).eps * exact.abs().max()


@pytest.mark.parametrize("dtype", HALF)
def test_sums_beyond_the_range_of_fp16_stay_finite(
    dtype: torch.dtype, device: str, assert_close: Callable[..., None]
) -> None:
    states, bias, residual, weight, offset = _inputs((4, 96), dtype, device)
    states, residual = states * 1.2e4, residual * 1.2e4
    states[:, 5], residual[:, 5] = 6e4, 6e4
    inputs = (states, bias, residual, weight, offset)
    result = bias_residual_layer_norm(*inputs, backend="triton")
    assert_close(result, _plain(*(tensor.float() for tensor in inputs)).to(dtype), _exact(*inputs))


def test_a_constant_row_is_the_offset(device: str) -> None:
    _, bias, _, weight, offset = _inputs((1, 40), torch.float32, device)
    states = torch.full((2, 40), 7.25, device=device)
    result = bias_residual_layer_norm(states, 0 * bias, states, weight, offset, backend="triton")
    assert torch.equal(result, offset.expand(2, 40))


def test_a_row_does_not_depend_on_its_neighbours(device: str) -> None:
    states, bias, residual, weight, offset = _inputs((5, 72), torch.float32, device)
    together = bias_residual_layer_norm(states, bias, residual, weight, offset, backend="triton")
    states[1], residual[3] = torch.nan, torch.inf
    again = bias_residual_layer_norm(states, bias, residual, weight, offset, backend="triton")
    for row in (0, 2, 4):
        assert torch.equal(together[row], again[row])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_reference_agrees(dtype: torch.dtype, device: str, assert_close: Callable[..., None]) -> None:
    inputs = _inputs((6, 50), dtype, device)
    assert_close(bias_residual_layer_norm(*inputs, backend="reference"), _plain(*inputs), _exact(*inputs))


def test_wrong_arguments_are_named(device: str) -> None:
    states, bias, residual, weight, offset = _inputs((4, 8), torch.float32, device)
    with pytest.raises(KernelError, match=r"residual has the wrong shape; seen: \(3, 8\); allowed: \(4, 8\)"):
        bias_residual_layer_norm(states, bias, residual[:3], weight, offset)
    with pytest.raises(KernelError, match="weight has another dtype"):
        bias_residual_layer_norm(states, bias, residual, weight.half(), offset)
    wide = _inputs((1, 4097), torch.float32, device)
    with pytest.raises(KernelError, match="width is out of range; seen: 4097; allowed: 1 to 4096"):
        bias_residual_layer_norm(*wide)


def test_the_operator_traces_without_data(device: str) -> None:
    torch.library.opcheck(
        torch.ops.videobert_kernels.bias_residual_layer_norm.default,
        (*_inputs((4, 8), torch.float32, device), 1e-12, "reference"),
        test_utils=("test_schema", "test_faketensor"),
    )
