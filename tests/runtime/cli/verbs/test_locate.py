"""`videobert locate`: a row for each hit, best first."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("fake")


def test_hits_are_rows_and_the_text_stands_last(call: Any, fake: Any) -> None:
    ended = call("locate", "clip.mp4", "a red heart", "--top", "2")
    assert fake.asked[0][1][1] == "a red heart"
    assert (fake.asked[0][2]["top"], fake.asked[0][2]["evidence"]) == (2, False)
    assert ended.out.splitlines() == ["0.0–3.0 s\tyes\t0.900", "6.0–7.5 s\tunsure\t0.600"]


def test_evidence_is_told_behind_the_hits(call: Any) -> None:
    ended = call("locate", "clip.mp4", "a red heart", "--evidence")
    assert ended.out.splitlines()[2:] == [
        "0.0–1.5 s\thit at 0.0–3.0 s\t+0.250",
        "1.5–3.0 s\thit at 0.0–3.0 s\t-0.500",
    ]


def test_json_has_all_of_it(call: Any) -> None:
    found = call("locate", "clip.mp4", "a red heart", "--json").json
    assert [hit["score"] for hit in found["hits"]] == [0.9, 0.6]
    assert found["calibrated"] is True
