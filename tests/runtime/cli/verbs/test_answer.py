"""`videobert answer`: the answers with the stretch that answers."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("fake")


def test_answers_are_rows_best_first(call: Any, fake: Any) -> None:
    ended = call("answer", "clip.mp4", "is there a red heart?", "--span", "1.5-4")
    asked = fake.asked[0][2]
    assert (asked["choices"], asked["span"], asked["evidence"]) == (None, (1.5, 4.0), False)
    assert ended.out.splitlines() == ["1.5–3.0 s\tyes\t0.900", "1.5–3.0 s\tno\t0.100"]


def test_choices_and_evidence(call: Any, fake: Any) -> None:
    ended = call("answer", "clip.mp4", "a [MASK] heart", "-c", "red", "-c", "blue", "--evidence")
    assert fake.asked[0][2]["choices"] == ["red", "blue"]
    assert ended.out.splitlines()[2:] == ["1.5–3.0 s\tyes\t+0.500"]


def test_json_has_the_statement(call: Any) -> None:
    assert call("answer", "clip.mp4", "is there a red heart?", "--json").json["statement"] == "a red heart"
