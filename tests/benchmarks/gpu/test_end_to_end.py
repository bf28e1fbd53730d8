"""What counts as a wrong answer from a file, and from a decoder of sentences."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import generation
from benchmarks.gpu.end_to_end import differences, score_difference
from benchmarks.gpu.films import psnr


def report(tokens: tuple[int, ...] = (1, 2), text: str = "red", score: float = 0.5) -> Any:
    candidate = SimpleNamespace(text=text, score=score)
    return SimpleNamespace(segments=[SimpleNamespace(tokens=tokens, answers={"colour": (candidate,)})])


def test_equal_tokens_and_answers_with_near_scores_are_right() -> None:
    assert differences(report(score=0.5001), report(), 1e-3) is None
    assert score_difference(report(score=0.6), report()) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (report(tokens=(1, 3)), "tokens are [[1, 3]], on the CPU [[1, 2]]"),
        (report(text="blue"), "segment 0, colour: ('blue', 0.5), on the CPU ('red', 0.5)"),
        (report(score=0.6), "segment 0, colour: ('red', 0.6)"),
        (report(score=float("nan")), "nan"),
        (SimpleNamespace(segments=[]), "tokens are []"),
    ],
)
def test_anything_else_is_said(found: Any, said: str) -> None:
    assert said in str(differences(found, report(), 1e-3))


def test_pictures_are_held_apart_by_their_noise() -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert psnr(black, black) == 120
    assert psnr(black, black + 1) == pytest.approx(48.13, abs=0.01)


class Decoder:
    """Gives logits that are a little, or far, from what is right."""

    layers, width, words = 1, 4, 9

    def __init__(self, away: float) -> None:
        self.away = away

    def remember(self, told: Any) -> None:
        return None

    def step(self, words: Any, *_: Any) -> Any:
        return words[:, None] * np.ones((1, 9)) + self.away, np.zeros((len(words), 1, 4)), np.zeros((len(words), 1, 4))


def test_a_decoder_may_be_twice_as_wrong_as_plain_attention_and_no_more() -> None:
    told = SimpleNamespace(states=np.zeros((2, 3, 4)))
    plain, exact = Decoder(0.1), Decoder(0.0)
    assert generation._parity(Decoder(0.19), plain, exact, told) is None
    assert "logits are 0.3 away" in str(generation._parity(Decoder(0.3), plain, exact, told))
