"""A head learns what a line can part, and is small enough for half precision."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert_modeling.learn.head.linear_head import HeadFitter, LinearHead

RNG = np.random.default_rng(3)
TARGETS = np.repeat(np.arange(3), 20)
ROWS = RNG.normal(size=(3, 16))[TARGETS] * 2 + 0.4 * RNG.normal(size=(60, 16)) + 7


def fit_head(rows: np.ndarray, targets: np.ndarray, labels: int, *, strength: float) -> LinearHead:
    return HeadFitter(rows, targets, labels).fit(strength)


def test_it_parts_what_a_line_can_part_and_is_stored_as_the_folder_stores_it() -> None:
    head = fit_head(ROWS, TARGETS, 3, strength=1.0)
    assert (head.weight.shape, head.weight.dtype) == ((3, 16), np.float16)
    assert (head.bias.shape, head.bias.dtype) == ((3,), np.float32)
    assert (head.logits(ROWS).argmax(axis=1) == TARGETS).all()


def test_it_is_scikit_learns_regression_on_standardised_features() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = ROWS / np.sqrt(ROWS.var(axis=0))  # no feature moves so little that it is not blown up
    head = fit_head(rows, TARGETS, 3, strength=0.1)
    scaled = StandardScaler().fit_transform(rows)
    expected = LogisticRegression(C=0.1, max_iter=2000).fit(scaled, TARGETS).predict_log_proba(scaled)
    logits = head.logits(rows)
    found = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_fewer_rows_than_features_give_the_same_head_by_the_shorter_way() -> None:
    from sklearn.linear_model import LogisticRegression

    rows, targets = RNG.normal(size=(15, 200)), np.arange(15) % 3
    head = fit_head(rows, targets, 3, strength=1.0)
    deviation = np.sqrt(np.maximum(rows.var(axis=0), 0.25 * rows.var(axis=0).mean()))
    scaled = (rows - rows.mean(axis=0)) / deviation
    model = LogisticRegression(C=1.0, max_iter=5000, tol=1e-6).fit(scaled, targets)
    np.testing.assert_allclose(head.weight, model.coef_ / deviation, atol=2e-3)


def test_two_labels_have_a_row_each_and_sum_to_nothing() -> None:
    targets = TARGETS % 2
    head = fit_head(ROWS + 3 * targets[:, None], targets, 2, strength=1.0)
    assert head.weight.shape == (2, 16)
    np.testing.assert_array_equal(head.weight[0], -head.weight[1])
    assert (head.logits(ROWS + 3 * targets[:, None]).argmax(axis=1) == targets).all()


def test_a_label_without_rows_never_wins() -> None:
    head = fit_head(ROWS, np.where(TARGETS == 1, 3, TARGETS), 5, strength=1.0)
    assert set(head.logits(ROWS * 3).argmax(axis=1)) <= {0, 2, 3}
    assert np.isfinite(head.bias).all()


def test_features_that_stand_still_or_hardly_move_do_no_harm() -> None:
    rows = ROWS.copy()
    rows[:, 0], rows[:, 1] = 5.0, 1e-9 * rows[:, 1]
    head = fit_head(rows, TARGETS, 3, strength=1.0)
    assert np.abs(head.weight).max() < 10
    assert np.isfinite(fit_head(np.ones((60, 16)), TARGETS, 3, strength=1.0).weight).all()


def test_the_same_rows_give_the_same_head() -> None:
    one, two = (fit_head(ROWS, TARGETS, 3, strength=10.0) for _ in range(2))
    np.testing.assert_array_equal(one.weight, two.weight)
    np.testing.assert_array_equal(one.bias, two.bias)


def test_a_head_that_half_precision_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="half precision cannot hold"):
        fit_head(ROWS * 1e-8, TARGETS, 3, strength=10.0)
