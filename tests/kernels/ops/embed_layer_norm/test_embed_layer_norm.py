"""`embed_layer_norm`, interpreted or on a GPU, against torch in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.embed_layer_norm.launch import embed_layer_norm

HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)]
TOKENS, POSITIONS = 37, 16


def _inputs(tokens: int, width: int, dtype: torch.dtype, device: str) -> dict[str, Tensor]:
    def table(*shape: int) -> Tensor:
        return torch.randn(shape).to(device, dtype)

    def indices(limit: int) -> Tensor:
        return torch.randint(limit, (tokens,), dtype=torch.int32).to(device)

    return {
        "ids": indices(TOKENS),
        "positions": indices(POSITIONS),
        "segments": indices(2),
        "token_table": table(TOKENS, width),
        "position_table": table(POSITIONS, width),
        "segment_table": table(2, width),
        "weight": table(width),
        "bias": table(width),
    }


def _plain(inputs: dict[str, Tensor], dtype: torch.dtype) -> Tensor:
    cast: dict[str, Any] = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in inputs.items()
    }
    states = cast["token_table"][cast["ids"]] + cast["position_table"][cast["positions"]]
    states = states + cast["segment_table"][cast["segments"]]
    return functional.layer_norm(states, states.shape[1:], cast["weight"], cast["bias"], 1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize(("tokens", "width"), [(1, 1), (7, 64), (17, 100), (5, 768), (2, 1024), (1, 2050), (0, 64)])
def test_it_is_the_norm_of_the_three_embeddings(
    tokens: int, width: int, dtype: torch.dtype, device: str, assert_close: Callable[..., None]
) -> None:
    inputs = _inputs(tokens, width, dtype, device)
    result = embed_layer_norm(**inputs, backend="triton")
    assert result.dtype == dtype
    assert_close(result, _plain(inputs, dtype), _plain(inputs, torch.float64))


@pytest.mark.parametrize("backend", ["triton", "reference"])
@pytest.mark.parametrize("words", [0, 1, 20, TOKENS])
def test_two_tables_are_the_rows_of_one(words: int, backend: Any, device: str) -> None:
    inputs = _inputs(9, 48, torch.float32, device)
    inputs["ids"][:3] = torch.tensor([0, max(0, words - 1), TOKENS - 1])
    joint = embed_layer_norm(**inputs, backend=backend)
    table = inputs.pop("token_table")
    parts = {"token_table": table[:words].clone(), "visual_table": table[words:].clone()}
    assert torch.equal(embed_layer_norm(**inputs, **parts, backend=backend), joint)


@pytest.mark.parametrize("backend", ["triton", "reference"])
@pytest.mark.parametrize("name", ["ids", "positions", "segments"])
@pytest.mark.parametrize("index", [-1, 1000, 2**31 - 1, -(2**31)])
def test_an_index_outside_its_table_reads_nothing(name: str, index: int, backend: Any, device: str) -> None:
    inputs = _inputs(3, 32, torch.float32, device)
    wanted = embed_layer_norm(**inputs, backend=backend)
    table = {"ids": "token_table", "positions": "position_table", "segments": "segment_table"}[name]
    # The bad index counts as a row of zeros: the same as a good one that names a row of zeros.
    zeroed = dict(inputs)
    zeroed[table] = torch.cat([inputs[table], torch.zeros((1, 32), device=device)])
    zeroed[name] = inputs[name].clone()
    zeroed[name][1] = len(inputs[table])
    inputs[name] = inputs[name].clone()
    inputs[name][1] = index
    result = embed_layer_norm(**inputs, backend=backend)
    assert torch.equal(result[[0, 2]], wanted[[0, 2]])
    assert torch.equal(result[1], embed_layer_norm(**zeroed, backend=backend)[1])
    inputs["visual_table"] = torch.zeros((0, 32), device=device)
    assert torch.equal(embed_layer_norm(**inputs, backend=backend), result)


@pytest.mark.parametrize("dtype", HALF)
def test_sums_beyond_the_range_of_fp16_stay_finite(
    dtype: torch.dtype, device: str, assert_close: Callable[..., None]
) -> None:
    inputs = _inputs(6, 80, dtype, device)
    for name in ("token_table", "position_table", "segment_table"):
        inputs[name] = inputs[name] * 8e3
        inputs[name][:, 3] = 6e4
    result = embed_layer_norm(**inputs, backend="triton")
    assert_close(result, _plain(inputs, torch.float32).to(dtype), _plain(inputs, torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_reference_agrees(dtype: torch.dtype, device: str, assert_close: Callable[..., None]) -> None:
    inputs = _inputs(20, 50, dtype, device)
    result = embed_layer_norm(**inputs, backend="reference")
    assert_close(result, _plain(inputs, dtype), _plain(inputs, torch.float64))


def test_wrong_arguments_are_named(device: str) -> None:
    inputs = _inputs(4, 8, torch.float32, device)
    with pytest.raises(KernelError, match=r"ids has the wrong dtype; seen: torch\.int64; allowed: torch\.int32"):
        embed_layer_norm(**{**inputs, "ids": inputs["ids"].long()})
    with pytest.raises(KernelError, match=r"segments has the wrong shape; seen: \(3,\); allowed: \(4\)"):
        embed_layer_norm(**{**inputs, "segments": inputs["segments"][:3]})
    with pytest.raises(KernelError, match=r"visual_table has the wrong shape; seen: \(5, 9\); allowed: \(any, 8\)"):
        embed_layer_norm(**inputs, visual_table=torch.zeros((5, 9), device=device))
    with pytest.raises(KernelError, match="position_table has another dtype"):
        embed_layer_norm(**{**inputs, "position_table": inputs["position_table"].half()})


def test_the_operator_traces_without_data(device: str) -> None:
    inputs = _inputs(4, 8, torch.float32, device)
    torch.library.opcheck(
        torch.ops.videobert_kernels.embed_layer_norm.default,
        (*inputs.values(), 1e-12, None, "reference"),
        test_utils=("test_schema", "test_faketensor"),
    )
