"""Whether a classifier stands to its tokens: each clip with the one before or behind it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.families.feature_classifier import FeatureClassifier
from videobert.families.judged import energy
from videobert.model.questions import AbstainConfig, QuestionConfig
from videobert.pipeline.token_judge import JudgedToken, TokenJudge

LEAST = 10.0


def classifier(*, with_neighbour: bool = True, least: float | None = LEAST) -> FeatureClassifier:
    """Its logits are the features themselves."""

    def run(stage: str, **inputs: Any) -> npt.NDArray[Any]:
        assert stage == "trick_head"
        features: npt.NDArray[Any] = inputs["features"]
        return features

    rules = AbstainConfig(energy_at_least=least, with_neighbour=with_neighbour)
    return FeatureClassifier(
        "trick", QuestionConfig(labels=("a", "b", "c"), answered_by="features", abstain=rules), run
    )


def judged(
    rows: list[list[float]], *, blocks: int = 64, at_once: bool = False, standing: int | None = None, **rules: Any
) -> list[JudgedToken]:
    judge = TokenJudge(classifier(**rules), at_once=at_once)
    logits = np.array(rows, np.float32)
    found: list[JudgedToken] = []
    for start in range(0, len(logits), blocks):
        part = logits[start : start + blocks]
        here = None if standing is None or not 0 <= standing - start < len(part) else standing - start
        found += judge.add(part, part.argmax(axis=1).astype(np.int32), here)
        if at_once:
            assert len(found) == min(start + blocks, len(logits))
    return found + judge.finish()


def sure(rows: list[list[float]], **more: Any) -> list[bool]:
    return [token.sure for token in judged(rows, **more)]


STRONG_A, STRONG_B, WEAK = [16.0, 0.0, 0.0], [0.0, 16.0, 0.0], [4.0, 4.0, 4.0]


def test_what_lasts_is_stood_to() -> None:
    assert sure([STRONG_A, STRONG_A, STRONG_A]) == [True, True, True]


def test_what_changes_from_clip_to_clip_is_left_open() -> None:
    """Each of them seems certain by itself."""
    assert sure([STRONG_A, STRONG_B, STRONG_A]) == [False, False, False]
    assert sure([STRONG_A, STRONG_B, STRONG_A], with_neighbour=False) == [True, True, True]


def test_one_neighbour_that_agrees_is_enough() -> None:
    assert sure([STRONG_A, STRONG_A, STRONG_B, STRONG_B]) == [True, True, True, True]


def test_a_clip_alone_is_judged_by_itself() -> None:
    assert sure([STRONG_A]) == [True]
    assert sure([WEAK]) == [False]


@pytest.mark.parametrize("blocks", [1, 2, 3, 64])
def test_blocks_do_not_matter(blocks: int) -> None:
    random = np.random.default_rng(4)
    rows = (random.standard_normal((11, 3)) * 8).tolist()
    assert judged(rows, blocks=blocks) == judged(rows)
    pairs = [float(energy(np.array([a, b]).mean(axis=0))) for a, b in pairwise(rows)]
    expected = [max(pairs[max(0, i - 1) : i + 1]) >= LEAST for i in range(11)]
    assert sure(rows, blocks=blocks) == expected


def test_a_live_source_waits_for_no_neighbour() -> None:
    assert sure([STRONG_B, STRONG_A, STRONG_A], blocks=1, at_once=True) == [True, False, True]


@pytest.mark.parametrize("blocks", [1, 2, 64])
def test_a_standing_clip_is_no_neighbour(blocks: int) -> None:
    assert sure([STRONG_A, STRONG_B], standing=1, blocks=blocks) == [True, False]
    assert sure([STRONG_A, STRONG_A, STRONG_B], standing=2, blocks=blocks) == [True, True, False]


def test_scores_are_probabilities_of_the_tokens() -> None:
    first, second = judged([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert first.score == pytest.approx(np.exp(2) / (np.exp(2) + 2))
    assert second.score == pytest.approx(1 / 3)


def test_without_a_threshold_all_is_stood_to() -> None:
    assert sure([WEAK, STRONG_A, WEAK], least=None) == [True, True, True]
