"""The margin that is measured: as small as it may be, and large enough for what was seen."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.pipeline.exact_calibration import MOST_LEFT, measured_margin
from videobert.visual.codebook import Codebook
from videobert.visual.near_ties import NearTies

DIM = 16


@pytest.fixture(scope="module")
def book() -> Codebook:
    return Codebook(
        leaves=np.random.default_rng(0).normal(size=(300, DIM)).astype(np.float32),
        distances=np.array([0, 1], np.float32),
        backbone_hash="00",
        clip_hash="00",
    )


def features(seed: int, count: int, error: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    high = random.normal(size=(count, DIM))
    low = high + error * np.linalg.norm(high, axis=1, keepdims=True) * random.normal(size=high.shape)
    return low.astype(np.float32), high.astype(np.float32)


@pytest.mark.parametrize("error", [0.0005, 0.002])
def test_on_other_clips_it_leaves_as_few_tokens_wrong_as_it_says(book: Codebook, error: float) -> None:
    margin = measured_margin(*features(1, 1000, error), book, "graph")
    assert margin.left <= MOST_LEFT
    low, high = features(2, 20_000, error)
    differs = book.assign(low)[0] != book.assign(high)[0]
    ties = NearTies(book)
    near = np.array([ties.nearest_plane(row).margin < margin.flat for row in low])
    assert differs.mean() > 4 * MOST_LEFT  # else there is nothing to mend
    assert (differs & ~near).mean() <= 2 * MOST_LEFT
    assert near.mean() == pytest.approx(margin.again, rel=0.3, abs=0.003)
    assert near.mean() < 6 * differs.mean()


def test_features_without_an_error_need_no_margin(book: Codebook) -> None:
    low, _ = features(1, 100, 0.0)
    margin = measured_margin(low, low, book, "graph")
    assert (margin.again, margin.left) == (0, 0)
    assert margin.tree is None


def test_what_went_wrong_is_covered_though_the_model_of_errors_calls_it_rare(book: Codebook) -> None:
    low, high = features(1, 500, 0.0001)
    ties = NearTies(book)
    # One clip alone is far off, over a plane that no other clip's error reaches.
    middling = int(np.argsort([ties.nearest_plane(row).margin for row in low])[300])
    plane = ties.nearest_plane(low[middling])
    way = plane.margin * np.linalg.norm(low[middling]) * plane.normal
    high[middling] = low[middling] + 1.1 * way.astype(np.float32)
    assert measured_margin(low, high, book, "graph").flat > plane.margin


def test_too_few_clips_are_refused(book: Codebook) -> None:
    with pytest.raises(InputError, match="too few clips"):
        measured_margin(*features(1, 31, 0.001), book, "graph")
