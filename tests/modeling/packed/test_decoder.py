"""A decoder's steps on the kernels, or on their references where there is no GPU, against its plain attention."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.decoder import Decoder
from videobert_modeling.packed import use_kernels

WORDS, POSITIONS = 30, 20


def pair(head_size: int) -> tuple[Decoder, Decoder, str | None]:
    """A decoder, the same on kernels, and what is said of it."""
    torch.manual_seed(head_size)
    width = 2 * head_size
    config = EncoderConfig(layers=2, width=width, heads=2, feed_forward=width, positions=POSITIONS)
    plain = Decoder(config, WORDS).eval()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    fast = copy.deepcopy(plain)
    return plain, fast, use_kernels(fast)


def step_inputs(decoder: Decoder, words: int, room: int) -> list[Tensor]:
    width = decoder.norm.normalized_shape[0]
    shape = (3, 2, room, width)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 0, 0, 1, 1, 0], [0, 1, 0, 0, 0, 0]])
    states = torch.where(mask[..., None] > 0, torch.randn(3, 6, width), 1e3)
    lengths = torch.tensor([0, min(2, room), room])
    past = [torch.randn(shape), torch.randn(shape)]
    tables = [torch.randn(WORDS, width), torch.randn(POSITIONS + 4, width)]
    return [*tables, torch.randint(WORDS, (3, words)), *past, lengths, *decoder.memory(states), mask]


@pytest.mark.parametrize("room", [1, 7, 16])
@pytest.mark.parametrize("head_size", [24, 32, 64])
def test_a_step_equals_the_plain_one(head_size: int, room: int) -> None:
    plain, fast, _ = pair(head_size)
    with torch.inference_mode():
        inputs = step_inputs(plain, 1, room)
        before = [each.clone() for each in inputs]
        for ours, theirs in zip(fast(*inputs), plain(*inputs), strict=True):
            torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)
        # The caller's cache is the caller's.
        assert all(torch.equal(now, was) for now, was in zip(inputs, before, strict=True))


def test_several_words_attend_as_in_the_module() -> None:
    plain, fast, _ = pair(32)
    with torch.inference_mode():
        inputs = step_inputs(plain, 3, 4)
        assert torch.equal(fast(*inputs)[0], plain(*inputs)[0])


@pytest.mark.parametrize(
    ("head_size", "said"),
    [(32, None), (64, None), (24, "heads of 24 filled up with zeros to 32"), (160, "steps in plain operators")],
)
def test_what_is_done_otherwise_is_said(head_size: int, said: str | None) -> None:
    _, _, remark = pair(head_size)
    assert remark is None if said is None else remark is not None and remark.startswith(said)
