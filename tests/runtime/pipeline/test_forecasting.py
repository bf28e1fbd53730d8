"""What comes some clips ahead of a model that tells the next token alone: held to all ways there are."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.pipeline.forecasting import ahead_of

PAST = np.array([1, 0], np.int32)


class Chain:
    """The next token depends on the last two; a dice for each pair."""

    def __init__(self, tokens: int) -> None:
        dice = np.random.default_rng(4).random((tokens, tokens, tokens)) ** 4
        self.dice = dice / dice.sum(axis=-1, keepdims=True)
        self.asked = 0

    def next_log_probs(self, pieces: Any, pasts: Any, cancel: Any = None) -> npt.NDArray[np.float32]:
        assert pieces is None
        self.asked += len(pasts)
        return np.log(np.stack([self.dice[past[-2], past[-1]] for past in pasts])).astype(np.float32)


def by_all_ways(chain: Chain, step: int) -> npt.NDArray[np.float64]:
    """The sum over every row of tokens between."""
    tokens = len(chain.dice)
    total = np.zeros(tokens)
    for way in product(range(tokens), repeat=step):
        row, probability = [*PAST.tolist(), *way], 1.0
        for before, last, following in zip(row, row[1:], row[2:], strict=False):
            probability *= chain.dice[before, last, following]
        total[way[-1]] += probability
    return total


def test_few_tokens_are_followed_along_every_way() -> None:
    chain = Chain(5)
    found = ahead_of(chain, PAST, [1, 2, 3])  # type: ignore[arg-type]
    for step, ahead in zip((1, 2, 3), found, strict=True):
        np.testing.assert_allclose(np.exp(ahead.log_probs), by_all_ways(chain, step), rtol=1e-5)
        assert ahead.covered == pytest.approx(1)


def test_of_many_the_likeliest_are_followed_and_the_rest_is_said() -> None:
    chain = Chain(40)
    (third,) = ahead_of(chain, PAST, [3])  # type: ignore[arg-type]
    assert 0.1 < third.covered < 1
    np.testing.assert_allclose(np.exp(third.log_probs).sum(), 1, rtol=1e-6)
    assert chain.asked <= 1 + 2 * 32
    exact = by_all_ways(chain, 3)
    # Each token's share of what was followed lies within what was not.
    assert (np.exp(third.log_probs) * third.covered <= exact + 1e-9).all()
