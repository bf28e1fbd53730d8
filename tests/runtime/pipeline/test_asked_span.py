"""Stretches that are asked about: what may be one."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError, UsageError
from videobert.pipeline.asked_span import check_span, outside


@pytest.mark.parametrize("span", ["1-2", 3, (1,), (2, 1), (1, 1), (float("nan"), 1), (0, float("nan")), (1, 2, 3), {}])
def test_what_is_no_span_is_refused(span: object) -> None:
    with pytest.raises(UsageError, match="span is no stretch of time"):
        check_span(span)


def test_spans() -> None:
    assert check_span(None) is None
    assert check_span([1, np.float32(2.5)]) == (1.0, 2.5)


def test_a_span_outside_is_an_error_about_the_video_and_not_about_the_call() -> None:
    error = outside((50, 60), 0.0, 10.5)
    assert type(error) is InputError
    assert (error.seen, error.allowed) == ("50 to 60 s", "0.00 to 10.50 s")
    assert outside((50, 60), None, None).allowed is None
