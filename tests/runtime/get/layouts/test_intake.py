"""Arrays of a checkpoint: each is taken, left out for a reason, or an error."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import ModelError
from videobert.get.layouts.intake import ArrayIntake, Taken


def test_what_is_taken_is_float32_and_accounted_for():
    intake = ArrayIntake("trial", {"a": np.ones((2, 3), np.float16), "b": np.array(7)})
    taken = intake.take("a", "ours", (2, 3))
    intake.leave_out("b", "a counter")
    intake.leave_out("c", "not there")
    intake.finish()
    assert taken.dtype == np.float32
    assert np.array_equal(taken, np.ones((2, 3)))
    assert intake.ledger == [Taken("a", (2, 3), "ours"), Taken("b", (), None, "a counter")]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((3, 2), np.float32), r"another shape; got \(3, 2\); allowed: \(2, 3\)"),
        (np.ones((2, 3), np.int64), "floating-point numbers; got int64"),
        (np.full((2, 3), np.nan, np.float32), "NaN or infinite"),
        (np.full((2, 3), np.inf, np.float32), "NaN or infinite"),
        # Fits its own type and not ours.
        (np.full((2, 3), 1e300), "NaN or infinite"),
    ],
)
def test_an_array_that_does_not_fit_is_an_error(array: np.ndarray, message: str):
    with pytest.raises(ModelError, match=message):
        ArrayIntake("trial", {"a": array}).take("a", "ours", (2, 3))


def test_an_array_that_is_not_there_is_an_error():
    with pytest.raises(ModelError, match="the trial checkpoint has no tensor a, which becomes ours"):
        ArrayIntake("trial", {}).take("a", "ours", (1,))


def test_an_array_that_nobody_accounts_for_is_an_error():
    intake = ArrayIntake("trial", {f"x{i}": np.zeros(i) for i in range(10)})
    with pytest.raises(ModelError, match=r"10 tensors are unexplained; got .*x0 \[0\].*and 2 more"):
        intake.finish()
