"""`videobert events`: rows in the order of time, what is unsure among them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("fake")


def test_events_and_unsure_stretches_are_rows_by_time(call: Any, fake: Any) -> None:
    ended = call("events", "clip.mp4", "--question", "colour", "--at-least", "0.4", "-l", "red", "-l", "blue")
    asked = fake.asked[0][2]
    assert (asked["question"], asked["labels"], asked["at_least"]) == ("colour", ["red", "blue"], 0.4)
    assert ended.out.splitlines() == [
        "0.0–1.5 s\tred\t0.800\tcolour",
        "1.5–3.0 s\tunsure\t\tcolour",
        "3.0–4.0 s\tblue\t0.900\tcolour",
    ]


def test_labels_that_are_not_given_are_none(call: Any, fake: Any) -> None:
    call("events", "clip.mp4")
    asked = fake.asked[0][2]
    assert (asked["question"], asked["labels"], asked["at_least"]) == (None, None, 0.5)


def test_json_has_all_of_it(call: Any) -> None:
    told = call("events", "clip.mp4", "--json").json
    assert [event["label"] for event in told["events"]] == ["red", "blue"]
    assert told["unsure"] == [{"start_s": 1.5, "end_s": 3.0, "question": "colour"}]
    assert (told["changes_s"], told["cuts_s"]) == ([1.5, 3.0], [3.0])


def test_on_a_terminal_doubt_stands_first_and_words_stay_whole(watch: Any, fake: Any) -> None:
    fake.report = dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)
    ended = watch(60, "events", "clip.mp4", term="dumb")
    lines = ended.out.splitlines()
    assert lines[0] == "out of domain: the answers mean little"
    assert lines[1].split() == ["time", "event", "score", "question"]
    assert all(len(line) <= 60 for line in lines)
    assert "unsure: the model leaves the answer open" in ended.err
