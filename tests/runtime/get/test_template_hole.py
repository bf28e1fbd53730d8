"""What goes into a hole, and the tensors for which the exporter would write another file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videobert.base.errors import MismatchError
from videobert.get.template_hole import Hole, NormFactor, Weight

MATRIX = Hole(offset=0, dtype="float16", shape=(2, 3), source=Weight(tensor="weight", shape=(2, 3)))
BIAS = Hole(offset=0, dtype="float32", shape=(3,), source=Weight(tensor="bias", shape=(3,)), zero_is_dropped=True)
SCALE = NormFactor(part="scale", gain="gain", bias="bias", mean="mean", variance="variance", channels=3, epsilon=1e-3)
NORM = {
    "gain": np.array([1, 2, 3], np.float32),
    "bias": np.array([0.1, -0.2, 0], np.float32),
    "mean": np.array([5, 0, -1], np.float32),
    "variance": np.array([0, 0.5, 4], np.float32),
}


def test_a_matrix_is_stored_in_half_precision() -> None:
    value = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert MATRIX.content({"weight": value}) == value.astype(np.float16).tobytes()


@pytest.mark.parametrize("value", [1 / 3, 70_000, 1e-9, np.nan])
def test_a_matrix_that_does_not_fit_half_precision_is_refused(value: float) -> None:
    matrix = np.ones((2, 3), np.float32)
    matrix[1, 2] = value
    with pytest.raises(MismatchError, match=r"weight.*fit float16.*videobert build"):
        MATRIX.content({"weight": matrix})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_values_that_are_not_finite_are_refused(value: float, dtype: type) -> None:
    matrix, bias = np.ones((2, 3), dtype), np.ones(3, dtype)
    matrix[0, 1] = bias[1] = value
    with pytest.raises(MismatchError, match=r"weight.*finite"):
        MATRIX.content({"weight": matrix})
    with pytest.raises(MismatchError, match=r"bias.*not finite"):
        BIAS.content({"bias": bias})


def test_a_bias_in_half_precision_is_stored_in_full() -> None:
    value = np.array([0.1, 0, 2], np.float16)
    assert BIAS.content({"bias": value}) == value.astype("<f4").tobytes()


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_bias_of_zeros_that_would_be_dropped_is_refused(zero: float) -> None:
    zeros = {"bias": np.full(3, zero, np.float32)}
    with pytest.raises(MismatchError, match=r"bias.*zero everywhere"):
        BIAS.content(zeros)
    assert replace(BIAS, zero_is_dropped=False).content(zeros) == zeros["bias"].tobytes()


def test_a_tensor_of_two_axes_is_stored_in_full_only_if_it_does_not_fit_half_precision() -> None:
    column = Hole(offset=0, dtype="float32", shape=(3, 1), source=Weight(tensor="bias", shape=(3,)))
    value = np.array([0.1, 1, 2], np.float32)
    assert column.content({"bias": value}) == value.tobytes()
    with pytest.raises(MismatchError, match=r"bias.*fit float16, and it would be stored so"):
        column.content({"bias": np.ones(3, np.float32)})


@pytest.mark.parametrize(
    "value",
    [
        np.ones((3, 2), np.float16),
        np.ones(6, np.float16),
        np.ones((2, 3, 1), np.float16),
        np.ones((2, 3), np.float64),
        np.ones((2, 3), np.int16),
        np.ones((2, 3), ">f2"),
        np.full((2, 3), None),
    ],
)
def test_another_type_or_shape_is_refused(value: np.ndarray) -> None:
    with pytest.raises(MismatchError, match=r"weight.*another type or shape; got .*; allowed: .*\(2, 3\)"):
        MATRIX.content({"weight": value})


def test_a_small_tensor_that_is_equal_to_a_constant_is_refused() -> None:
    value = np.array([1, 2, 3], np.float32)
    hole = replace(BIAS, constants=(value.tobytes(),))
    with pytest.raises(MismatchError, match=r"bias.*equal to a constant"):
        hole.content({"bias": value})
    assert hole.content({"bias": value + 1}) == (value + 1).tobytes()


def test_the_factor_of_a_norm_is_that_of_its_statistics_in_float64() -> None:
    scale = Hole(offset=0, dtype="float32", shape=(3, 1, 1, 1), source=SCALE)
    shift = replace(scale, source=replace(SCALE, part="shift"))
    exact = NORM["gain"].astype(np.float64) / np.sqrt(NORM["variance"].astype(np.float64) + 1e-3)
    assert scale.content(NORM) == exact.astype(np.float32).tobytes()
    exact = NORM["bias"].astype(np.float64) - NORM["mean"].astype(np.float64) * exact
    assert shift.content(NORM) == exact.astype(np.float32).tobytes()


def test_factors_that_happen_to_fit_half_precision_stay_as_they_are() -> None:
    ones = {name: np.ones(3, np.float32) for name in NORM}
    scale = Hole(offset=0, dtype="float32", shape=(3, 1, 1, 1), source=replace(SCALE, epsilon=0.0))
    assert scale.content(ones) == np.ones(3, np.float32).tobytes()


@pytest.mark.parametrize("variance", [-1.0, -1e-3, np.nan])
def test_a_variance_that_is_not_positive_is_refused(variance: float) -> None:
    scale = Hole(offset=0, dtype="float32", shape=(3, 1, 1, 1), source=replace(SCALE, epsilon=float(np.float32(1e-3))))
    broken = NORM | {"variance": np.array([1, variance, 1], np.float32)}
    with pytest.raises(MismatchError, match=r"variance.*not positive"):
        scale.content(broken)


def test_a_factor_that_overflows_is_refused() -> None:
    shift = Hole(offset=0, dtype="float32", shape=(3, 1, 1, 1), source=replace(SCALE, part="shift"))
    with pytest.raises(MismatchError, match=r"gain.*not finite"):
        shift.content(NORM | {"mean": np.full(3, 3e38, np.float32)})
