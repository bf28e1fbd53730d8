"""Limits that could let everything pass, or nothing, are refused where they are made."""

from __future__ import annotations

from typing import Any

import pytest

from videobert.base.errors import InputError
from videobert.base.limits import Limits


@pytest.mark.parametrize(
    "change",
    [
        {"max_duration_s": float("nan")},
        {"max_duration_s": -1},
        {"max_duration_s": "60"},
        {"max_duration_s": None},
        {"max_side_px": 0},
        {"max_side_px": 1e4},
        {"max_side_px": True},
        {"max_repeated_frames": 0},
        {"max_repeated_frames": 1.5},
        {"max_text_chars": -1},
    ],
    ids=str,
)
def test_a_limit_that_is_none_is_refused(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(InputError, match=rf"Limits\.{name} is out of range"):
        Limits(**change)


def test_limits_may_be_as_wide_as_one_likes() -> None:
    assert Limits(max_duration_s=float("inf"), max_side_px=1 << 20, max_text_chars=1).max_duration_s == float("inf")
