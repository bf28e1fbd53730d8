"""Answers at masked positions in one request, against the heads of the padded modules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from videobert.base.errors import InputError, ModelError
from videobert_modeling.models import VideoBert, tiny
from videobert_modeling.packed import PackedEncoder

CONFIG = tiny()


def _expected(model: VideoBert, batch: Any, head: str, positions: list[tuple[int, int]]) -> torch.Tensor:
    with torch.inference_mode():
        states = model.encode(*(torch.from_numpy(array) for array in batch))
        picked = states[[sequence for sequence, _ in positions], [position for _, position in positions]]
        logits = model.text_logits(picked) if head == "text" else model.visual_logits(picked)
        return logits.log_softmax(-1)


@pytest.mark.parametrize("graphs", [False, True])
def test_answers_are_those_of_the_heads(
    graphs: bool, model: VideoBert, make_batch: Callable[..., Any], counting: Any
) -> None:
    packed = PackedEncoder(model, "cpu", torch.float32, top_k=4, graphs=counting if graphs else None)
    packed.prepare()
    batch = make_batch(20, 3, 11)
    words, visual = [(0, 19), (2, 0), (1, 2)], [(2, 10)]
    found = packed.answer(*batch, words=words, visual=visual)
    for answers, head, positions, first in zip(
        found, ("text", "visual"), (words, visual), (0, CONFIG.words), strict=True
    ):
        expected = _expected(model, batch, head, positions).topk(4)
        assert np.array_equal(answers.ids, expected.indices.numpy() + first)
        assert np.abs(answers.log_probs - expected.values.numpy()).max() <= 1e-5


def test_words_that_are_no_answers_have_no_share(model: VideoBert, make_batch: Callable[..., Any]) -> None:
    allowed = np.zeros(CONFIG.words, bool)
    allowed[[5, 7, 100]] = True
    packed = PackedEncoder(model, "cpu", torch.float32, top_k=3, word_answers=allowed)
    answers, _ = packed.answer(*make_batch(9), words=[(0, 4)])
    assert sorted(answers.ids[0].tolist()) == [5, 7, 100]
    assert np.exp(answers.log_probs).sum() == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(model.heads.bias).all()


def test_only_what_is_asked_is_answered(model: VideoBert, make_batch: Callable[..., Any]) -> None:
    packed = PackedEncoder(model, "cpu", torch.float32, top_k=2)
    words, visual = packed.answer(*make_batch(9, 2), visual=[(1, 1)])
    assert words.ids.shape == words.log_probs.shape == (0, 2)
    assert visual.ids.shape == visual.log_probs.shape == (1, 2)
    nothing = packed.answer(*make_batch(9, 2))
    assert [answers.ids.shape for answers in nothing] == [(0, 2), (0, 2)]


@pytest.mark.parametrize("position", [(2, 0), (-1, 0), (0, 9), (1, 2), (0, -1)])
def test_a_position_outside_its_sequence_is_an_input_error(
    position: tuple[int, int], model: VideoBert, make_batch: Callable[..., Any]
) -> None:
    packed = PackedEncoder(model, "cpu", torch.float32, top_k=2)
    with pytest.raises(InputError, match="outside its sequence"):
        packed.answer(*make_batch(9, 2), words=[position])


def test_a_head_that_the_model_lacks_is_a_model_error(make_batch: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    mute = VideoBert(dataclasses.replace(CONFIG, heads=("alignment",))).eval()
    blind = VideoBert(dataclasses.replace(CONFIG, heads=("text",))).eval()
    for model, asked in ((mute, "words"), (blind, "visual")):
        packed = PackedEncoder(model, "cpu", torch.float32, top_k=2)
        with pytest.raises(ModelError, match="gives no"):
            packed.answer(*make_batch(4), **{asked: [(0, 1)]})
    words, visual = PackedEncoder(blind, "cpu", torch.float32, top_k=2).answer(*make_batch(4), words=[(0, 1)])
    assert words.ids.shape == (1, 2)
    assert visual.ids.shape == (0, 2)


def test_without_top_k_there_are_no_answers(model: VideoBert, make_batch: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="top_k"):
        PackedEncoder(model, "cpu", torch.float32).answer(*make_batch(4), words=[(0, 1)])
