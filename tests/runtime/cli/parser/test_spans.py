"""Stretches of time as they are typed."""

from __future__ import annotations

import pytest

from videobert.base.errors import UsageError
from videobert.cli.parser.spans import typed_span
from videobert.report.times import span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5-15", (12.5, 15)),
        ("0-1", (0, 1)),
        (" 1:05 - 1:20.25 ", (65, 80.25)),
        ("1:02:05-1:02:30", (3725, 3750)),
        ("59:59-1:00:00", (3599, 3600)),
        (span(1.5, 4.0), (1.5, 4.0)),
    ],
)
def test_times_are_read(text: str, seconds: tuple[float, float]) -> None:
    assert typed_span(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5-", "-5", "5-5", "6-5", "a-b", "1-2-3", "nan-inf", "1e3-2e3", "٣-٤", "5–4 s"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--span"):
        typed_span(text)
