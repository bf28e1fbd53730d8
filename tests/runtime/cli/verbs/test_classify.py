"""`videobert classify`: what was typed goes on to the model."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest


def test_classify_takes_labels_and_templates(call: Any, fake: Any) -> None:
    ended = call(
        "classify",
        "clip.mp4",
        "-l",
        "red",
        "-l",
        "blue",
        "-t",
        "a [MASK] circle",
        "--window-clips",
        "4",
        "--prior-strength",
        "0.5",
    )
    assert ended.out.splitlines()[0] == "1.5–3.0 s\tred\t0.800"
    _, arguments, options = fake.asked[0]
    assert arguments == ("clip.mp4", ["red", "blue"], ["a [MASK] circle"])
    assert (options["window_clips"], options["prior_strength"]) == (4, 0.5)
    assert options["question"] is None


@pytest.fixture
def unsure(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first segment that the model leaves open, and one that it answers."""
    answer = type(fake).classify

    def classify(*arguments: Any, **options: Any) -> Any:
        given = answer(*arguments, **options)
        (segment,) = given.segments
        before = dataclasses.replace(segment, start_s=0.0, end_s=1.5, unsure=True)
        return dataclasses.replace(given, segments=(before, segment))

    monkeypatch.setattr(type(fake), "classify", classify)


def test_an_open_answer_is_one_row_with_its_first_guess(call: Any, unsure: None) -> None:
    ended = call("classify", "clip.mp4", "-l", "red", "-l", "blue")
    assert ended.out.splitlines() == [
        "0.0–1.5 s\tunsure (red)\t0.800",
        "1.5–3.0 s\tred\t0.800",
        "1.5–3.0 s\tblue\t0.200",
    ]
    assert ended.err == ""


def test_an_open_answer_is_faint_on_a_terminal_and_never_bold(watch: Any, unsure: None) -> None:
    ended = watch(80, "classify", "clip.mp4", "-l", "red", "-l", "blue")
    assert "\x1b[2munsure (red)\x1b[0m" in ended.out
    assert ended.out.count("\x1b[1m") == 1
    said = " ".join(ended.err.split())
    assert "unsure: 1 of 2 stretches: the model does not know what is seen there well enough" in said


def test_json_has_every_candidate_of_an_open_answer(call: Any, unsure: None) -> None:
    first, second = call("classify", "clip.mp4", "-l", "red", "-l", "blue", "--json").json["segments"]
    assert (first["unsure"], second["unsure"]) == (True, False)
    assert [candidate["text"] for candidate in first["candidates"]] == ["red", "blue"]


def test_evidence_is_told_behind_the_answers(call: Any, fake: Any) -> None:
    ended = call("classify", "clip.mp4", "-l", "red", "-l", "blue", "--evidence")
    assert fake.asked[0][2]["evidence"] is True
    assert ended.out.splitlines()[2:] == ["1.5–3.0 s\tred\t+0.300"]
