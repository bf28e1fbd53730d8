"""Ranges out of magnitudes: the largest, a share, least squares."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import ModelError
from videobert.engines.range_rules import Magnitudes, RangeRule


def counted(*arrays: np.ndarray) -> Magnitudes:
    found = Magnitudes()
    for array in arrays:
        found.add(np.asarray(array, np.float32))
    return found


def cost(values: np.ndarray, top: float, levels: int) -> float:
    step = top / levels
    return float(np.mean((np.clip(np.round(values / step), -levels, levels) * step - values) ** 2))


def test_the_largest_is_that_of_all_arrays_and_one_negative_number_makes_it_signed() -> None:
    found = counted([0.5, 3.25], [1.0, 0.0])
    assert (found.top("largest"), found.signed) == (3.25, False)
    assert counted([0.5, -7.0]).top("largest") == 7.0
    assert counted([0.5, -7.0]).signed


def test_a_share_leaves_the_largest_out() -> None:
    values = np.concatenate([np.linspace(0.01, 1, 9_990), np.full(10, 50.0)])
    found = counted(values)
    assert found.top("largest") == 50.0
    assert found.top(0.998) == pytest.approx(1.0, rel=0.02)
    assert found.top(1.0) == 50.0


def test_values_that_are_0_are_no_part_of_a_share() -> None:
    assert counted(np.concatenate([np.zeros(10_000), np.linspace(0.01, 1, 100)])).top(0.5) == pytest.approx(
        0.5, rel=0.03
    )


@pytest.mark.parametrize("signed", [True, False])
def test_least_squares_cost_less_than_the_largest_and_than_a_neighbour(signed: bool) -> None:
    dice = np.random.default_rng(0)
    values = np.append(dice.normal(size=200_000), [12.0, 12.0])
    values, levels = (values, 127) if signed else (np.abs(values), 255)
    top = counted(values).top("squares")
    least = cost(values, top, levels)
    assert least < 0.95 * cost(values, 12.0, levels)
    assert all(least <= 1.02 * cost(values, top * by, levels) for by in (0.8, 0.9, 1.1, 1.25))


def test_even_values_keep_their_range() -> None:
    assert counted(np.linspace(0, 2, 10_000)).top("squares") == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("rule", ["largest", "squares", 0.999])
def test_nothing_but_0_has_a_range(rule: RangeRule) -> None:
    assert 0 < counted(np.zeros(8)).top(rule) < 1e-3


def test_columns_have_their_own_largest() -> None:
    found = Magnitudes()
    for array in ([[1, -5], [2, 0]], [[3, 1]]):
        found.add(np.array(array, np.float32), columns=True)
    assert found.columns is not None
    assert found.columns.tolist() == [3, 5]


def test_of_large_arrays_a_part_is_counted_but_the_largest_is_found() -> None:
    values = np.ones(5 << 20, np.float32)
    values[12_345] = 9.0
    found = counted(values)
    assert found.top("largest") == 9.0
    assert found.top(0.9) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("columns", [1, 2, 6, 8, 12, 1024])
@pytest.mark.parametrize("rule", [0.9, 0.99, "squares"])
def test_every_column_of_a_large_array_counts(columns: int, rule: RangeRule) -> None:
    values = np.ones(((1 << 22) // columns, columns), np.float32)
    values[:, 0] = 0.01 if columns > 1 else 1.0
    assert counted(values).top(rule) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ModelError, match="not finite"):
        counted([value, 1.0, -2.0])


def test_the_sign_of_any_array_counts_and_an_empty_one_is_nothing() -> None:
    found = counted([-0.5, 1.0], np.zeros((0, 3)), [2.0, 0.5])
    assert (found.signed, found.top("largest")) == (True, 2.0)
