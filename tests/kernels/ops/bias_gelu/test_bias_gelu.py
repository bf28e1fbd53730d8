"""`bias_gelu`, interpreted or on a GPU, against torch in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.bias_gelu.launch import bias_gelu

HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)]
SHAPES = [(1, 1), (1, 63), (5, 65), (3, 1024), (2, 1025), (7, 100), (0, 64), (4, 0)]


def _inputs(shape: tuple[int, int], dtype: torch.dtype, device: str, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    states, bias = scale * torch.randn(shape), torch.randn(shape[1])
    return states.to(device, dtype), bias.to(device, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_the_exact_gelu(
    shape: tuple[int, int], dtype: torch.dtype, device: str, assert_close: Callable[..., None]
) -> None:
    states, bias = _inputs(shape, dtype, device)
    result = bias_gelu(states, bias, backend="triton")
    assert result.dtype == dtype
    assert_close(result, functional.gelu(states + bias), functional.gelu(states.double() + bias.double()))


def test_it_is_not_the_tanh_form(device: str) -> None:
    states, bias = torch.full((1, 16), 2.5, device=device), torch.zeros(16, device=device)
    exact = bias_gelu(states, bias, backend="triton")
    tanh = functional.gelu(states, approximate="tanh")
    assert (exact - functional.gelu(states)).abs().max() < 1e-6 < (tanh - exact).abs().min()


@pytest.mark.parametrize("dtype", HALF)
def test_large_activations_stay_finite(dtype: torch.dtype, device: str) -> None:
    states = torch.tensor([[6e4, -6e4, 3e4, -1e-7]], device=device, dtype=dtype)
    bias = torch.tensor([5e3, -5e3, 3e4, 0.0], device=device, dtype=dtype)
    result = bias_gelu(states, bias, backend="triton")
    assert result[0, 0] == (states[0, 0].float() + bias[0].float()).to(dtype)
    assert result[0, 1] == 0
    assert torch.isfinite(result).all()


def test_many_rows_take_larger_tiles_with_the_same_result(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from videobert_kernels.ops.bias_gelu import configs

    states, bias = _inputs((6, 70), torch.float32, device)
    small = bias_gelu(states, bias, backend="triton")
    monkeypatch.setattr(configs, "_MANY_VALUES", 1)
    assert configs.tile_for(6, 70) is configs.LARGE
    assert torch.equal(bias_gelu(states, bias, backend="triton"), small)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_reference_agrees(dtype: torch.dtype, device: str, assert_close: Callable[..., None]) -> None:
    states, bias = _inputs((9, 33), dtype, device)
    exact = functional.gelu(states.double() + bias.double())
    assert_close(bias_gelu(states, bias, backend="reference"), functional.gelu(states + bias), exact)


def test_wrong_arguments_are_named(device: str) -> None:
    states, bias = _inputs((4, 8), torch.float32, device)
    with pytest.raises(KernelError, match=r"bias has the wrong shape; seen: \(7,\); allowed: \(8\)"):
        bias_gelu(states, bias[:7])
    with pytest.raises(KernelError, match="bias has another dtype"):
        bias_gelu(states, bias.half())
    with pytest.raises(KernelError, match=r"no kernel; seen: torch\.float64"):
        bias_gelu(states.double(), bias.double())
    with pytest.raises(KernelError, match=r"states is not contiguous; seen: strides \(1, 4\)"):
        bias_gelu(torch.zeros((8, 4), device=device).T, bias)


def test_the_operator_traces_without_data(device: str) -> None:
    states, bias = _inputs((4, 8), torch.float32, device)
    torch.library.opcheck(
        torch.ops.videobert_kernels.bias_gelu.default,
        (states, bias, "reference"),
        test_utils=("test_schema", "test_faketensor"),
    )
