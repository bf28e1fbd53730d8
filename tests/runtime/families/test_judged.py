"""Logits as probabilities, and when an answer is left open."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.families.judged import judged
from videobert.model.questions import AbstainConfig


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_probabilities_are_those_of_softmax(rows: int) -> None:
    logits = np.random.default_rng(rows).standard_normal((rows, 5)).astype(np.float32) * 30
    said = judged(logits, None)
    exact = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(said.probabilities, exact / exact.sum(axis=1, keepdims=True), rtol=1e-9)
    assert said.sure.all()
    assert said.sure.shape == (rows,)


def test_a_temperature_makes_a_probability_milder_and_leaves_the_energy() -> None:
    logits = np.array([[12.0, 8.0, 0.0]], np.float32)
    plain = judged(logits, AbstainConfig(energy_at_least=12.0))
    mild = judged(logits, AbstainConfig(temperature=4.0, energy_at_least=12.0))
    assert plain.probabilities[0, 0] > 0.98 > 0.75 > mild.probabilities[0, 0] > 0.6
    assert plain.sure[0]
    assert mild.sure[0]


def test_energy_tells_what_a_probability_does_not() -> None:
    """Both are as certain of their first label; only one of them has much to say for it."""
    logits = np.array([[25.0, 10.0], [15.0, 0.0]], np.float32)
    said = judged(logits, AbstainConfig(energy_at_least=20.0))
    np.testing.assert_allclose(said.probabilities[0], said.probabilities[1])
    assert said.sure.tolist() == [True, False]


def test_a_probability_can_be_asked_for_too() -> None:
    said = judged(np.array([[2.0, 0.0], [9.0, 0.0]], np.float32), AbstainConfig(probability_at_least=0.9))
    assert said.sure.tolist() == [False, True]


def test_large_logits_do_not_overflow() -> None:
    said = judged(np.array([[3e38, 0.0, -3e38]], np.float32), AbstainConfig(energy_at_least=0.0))
    assert said.probabilities[0].tolist() == [1.0, 0.0, 0.0]
    assert said.sure[0]
