"""CUDA graphs on a real device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from videobert_modeling.models import VideoBert
from videobert_modeling.packed import PackedEncoder, buckets

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.2), (torch.float16, 0.05)], ids=str
)
def test_captured_graphs_give_what_the_cpu_gives(
    dtype: torch.dtype,
    tolerance: float,
    model: VideoBert,
    make_batch: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buckets, "TOKENS", (32, 256))
    monkeypatch.setattr(buckets, "SEQUENCES", (1, 4))
    cpu = PackedEncoder(model, "cpu", torch.float32, top_k=3)
    gpu = PackedEncoder(model, "cuda", dtype, top_k=3)
    gpu.prepare()
    for lengths in ((1,), (128,), (30, 2), (100, 1, 9, 77), (3, 128)):
        batch = make_batch(*lengths)
        states = gpu.states(*batch)
        assert np.abs(states - cpu.states(*batch)).max() <= tolerance
        assert np.array_equal(gpu.states(*batch), states)
        found, wanted = gpu.answer(*batch, words=[(0, 0)])[0], cpu.answer(*batch, words=[(0, 0)])[0]
        assert np.abs(found.log_probs - wanted.log_probs).max() <= 4 * tolerance
    assert gpu.unprepared == 0
    allocated = torch.cuda.memory_allocated()
    gpu.states(*make_batch(50, 50))
    assert torch.cuda.memory_allocated() == allocated
