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
    dtype: torch.dtype, model: VideoBert, make_batch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "TOKENS", (32, 256))
    monkeypatch.setattr(buckets, "SEQUENCES", (1, 4))
    exact, plain = copy.deepcopy(model).double().cuda(), copy.deepcopy(model).to(dtype).cuda()
    packed = PackedEncoder(model, "cuda", dtype, top_k=3)
    packed.prepare()
    for lengths in ((1,), (128,), (30, 2), (100, 1, 9, 77), (3, 128)):
        batch = make_batch(*lengths)
        states, log_probs = packed.states(*batch), packed.answer(*batch, words=[(0, 0)])[0]
        inside = np.arange(max(lengths)) < batch[2][:, None]
        wanted, allowed = _padded(exact, batch), _padded(plain, batch)
        rounding = torch.finfo(dtype).eps
        error = np.abs(states - wanted[0])[inside].max()
        assert error <= 2 * np.abs(allowed[0] - wanted[0])[inside].max() + rounding
        best = log_probs.ids[0]
        error = np.abs(log_probs.log_probs[0] - wanted[1][best]).max()
        assert error <= 2 * np.abs(allowed[1] - wanted[1]).max() + rounding
        assert np.array_equal(packed.states(*batch), states)
    assert packed.unprepared == 0
    allocated = torch.cuda.memory_allocated()
    packed.states(*make_batch(50, 50))
    assert torch.cuda.memory_allocated() == allocated


def _padded(model: VideoBert, batch: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """States, and the log-probabilities of all words at the first place of the first sequence."""
    with torch.inference_mode():
        states = model.encode(*(torch.from_numpy(array).cuda() for array in batch))
        log_probs = model.text_logits(states[0, 0]).log_softmax(-1)
    return states.double().cpu().numpy(), log_probs.double().cpu().numpy()
