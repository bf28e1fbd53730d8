"""How times are written."""

from __future__ import annotations

import pytest

from videobert.report.times import clock, elapsed, seconds, span


@pytest.mark.parametrize(
    ("start_s", "end_s", "written"),
    [
        (1.5, 3.0, "1.5–3.0 s"),
        (0, 1.5015, "0.0–1.5 s"),
        (-0.04, 0.04, "0.0–0.0 s"),
        (-1.5, 0, "-1.5–0.0 s"),
        (3599.94, 3601.44, "3599.9–3601.4 s"),
    ],
)
def test_span(start_s: float, end_s: float, written: str) -> None:
    assert span(start_s, end_s) == written


def test_seconds_have_no_negative_zero() -> None:
    assert seconds(-0.0) == seconds(-0.01) == "0.0"


@pytest.mark.parametrize(
    ("time_s", "written"),
    [
        (0, "0 s"),
        (7.5, "7.5 s"),
        (59.94, "59.9 s"),
        (59.97, "1:00"),
        (125, "2:05"),
        (3725.4, "1:02:05"),
        (-1.5, "-1.5 s"),
    ],
)
def test_clock(time_s: float, written: str) -> None:
    assert clock(time_s) == written


@pytest.mark.parametrize(
    ("time_s", "written"), [(0.00085, "850 µs"), (0.043, "43 ms"), (0.9999, "1.00 s"), (1.237, "1.24 s"), (0, "0 µs")]
)
def test_elapsed(time_s: float, written: str) -> None:
    assert elapsed(time_s) == written
