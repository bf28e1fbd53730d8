"""`videobert sentiment`: of the whole video and its segments, and of a text apart."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("fake")

OF_TEXT = ["the text alone\tsad\t0.600", "the text alone\thappy\t0.400"]


def test_the_whole_video_comes_first_and_its_segments_behind(call: Any, fake: Any) -> None:
    ended = call("sentiment", "clip.mp4")
    assert fake.asked[0][1] == ("clip.mp4",)
    assert fake.asked[0][2]["text"] is None
    rows = ended.out.splitlines()
    assert rows[:3] == ["whole video\thappy\t0.750", "whole video\tsad\t0.250", "0.0–1.5 s\thappy\t0.750"]
    # Where the model leaves it open its first guess is no answer.
    assert rows[3].startswith("1.5–3.0 s\tunsure")
    assert "the text" not in ended.said


def test_what_a_text_suggests_is_told_apart_and_only_if_asked(call: Any) -> None:
    ended = call("sentiment", "clip.mp4", "--text", "a sad object")
    assert ended.out.splitlines()[-2:] == OF_TEXT
    assert "a guess from its words, which nobody calibrated" in ended.err


def test_a_text_needs_no_video(call: Any, fake: Any) -> None:
    ended = call("sentiment", "--text", "a sad object")
    assert fake.asked[0][1] == (None,)
    assert ended.out.splitlines() == OF_TEXT
    found = call("sentiment", "--text", "a sad object", "--json").json
    assert (found["question"], found["segments"], found["text"]["method"]) == (None, [], "cloze")


def test_json_has_all_of_it(call: Any) -> None:
    found = call("sentiment", "clip.mp4", "--json").json
    assert (found["question"], found["answered_by"], found["text"]) == ("mood", "templates", None)
    assert [each["unsure"] for each in found["segments"]] == [False, True]
