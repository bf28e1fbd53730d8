"""CUDA graphs on a real device."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from videobert_modeling.models import VideoBert
from videobert_modeling.packed import PackedEncoder, buckets

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_captured_graphs_err_at_most_twice_as_the_padded_modules_do(
    dtype: torch.dtype,
    model: VideoBert,
    make_batch: Callable[..., Any],
    packed_encoder: Callable[..., PackedEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buckets, "TOKENS", (32, 256))
    monkeypatch.setattr(buckets, "SEQUENCES", (1, 4))
    exact, plain = copy.deepcopy(model).double().cuda(), copy.deepcopy(model).to(dtype).cuda()
    packed = packed_encoder(model.encoder, "cuda", dtype)
    packed.prepare()
    for lengths in ((1,), (128,), (30, 2), (100, 1, 9, 77), (3, 128)):
        batch = make_batch(*lengths)
        states = packed.states(**batch)
        inside = np.arange(max(lengths)) < batch["lengths"][:, None]
        wanted, allowed = _padded(exact, batch), _padded(plain, batch)
        rounding = torch.finfo(dtype).eps
        error = np.abs(states - wanted)[inside].max()
        assert error <= 2 * np.abs(allowed - wanted)[inside].max() + rounding
        assert np.array_equal(packed.states(**batch), states)
    assert packed.unprepared == 0
    allocated = torch.cuda.memory_allocated()
    packed.states(**make_batch(50, 50))
    assert torch.cuda.memory_allocated() == allocated


def _padded(model: VideoBert, batch: dict[str, np.ndarray]) -> np.ndarray:
    with torch.inference_mode():
        states = model.encode(*(torch.from_numpy(array).cuda() for array in batch.values()))
    return states.double().cpu().numpy()
