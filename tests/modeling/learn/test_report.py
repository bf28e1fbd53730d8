"""What is told of a question that was learned."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.gather import Example
from videobert_modeling.learn.head.cross_validation import HeldOut, Labelled
from videobert_modeling.learn.report import LearnedQuestion, learned_question
from videobert_modeling.learn.taught_card import card_with

LABELS = ("golf", "archery", "ski")


def account(measured: tuple[int, ...] = (0, 1, 2, 3)) -> LearnedQuestion:
    examples = tuple(
        Example(
            stretch=Stretch(
                video=Path(f"/far/{name}"), name=name, start_s=float(n), end_s=n + 1.5, labels={}, where=f"line {n + 1}"
            ),
            video=name,
            clips=np.zeros((1, 2), np.float32),
        )
        for n, name in enumerate(("a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4", "e.mp4"))
    )
    answers = (0, 2, 1, 0)
    clips = tuple(np.where(np.arange(3) == answer, 2.0 + n, 0.0)[None] for n, answer in enumerate(answers))
    return learned_question(
        "sport",
        LABELS,
        Labelled(examples=examples, targets=np.array([0, 0, 1, 1, 2, 2]), labels=3),
        HeldOut(
            measured=np.array(measured, np.int64),
            clips=clips[: len(measured)],
            strengths=(0.1,) * len(measured),
            nested=True,
        ),
        strength=0.1,
        threshold=1.5,
    )


def test_right_and_wrong_are_counted_by_label() -> None:
    told = account()
    assert told.confusion.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert told.accuracy is not None
    assert told.accuracy.value == 0.5
    assert told.accuracy.n == 4
    assert told.examples == (2, 2, 2)
    assert told.videos == (2, 2, 1)
    fields = told.to_json()
    assert fields["classes"]["golf"] == {
        "examples": 2,
        "videos": 2,
        "held_out": 2,
        "recall": 0.5,
        "precision": 0.5,
    }
    assert fields["classes"]["ski"]["recall"] is None
    assert fields["commonest_label"] == round(1 / 3, 4)
    json.dumps(fields, allow_nan=False)


def test_the_surest_mistake_comes_first_with_its_time_and_no_path_of_a_machine() -> None:
    fields = account().to_json()["wrong"]
    assert [(each["video"], each["start_s"], each["end_s"], each["where"]) for each in fields] == [
        ("d.mp4", 3.0, 4.5, "line 4"),
        ("b.mp4", 1.0, 2.5, "line 2"),
    ]
    assert (fields[0]["label"], fields[0]["answer"]) == ("archery", "golf")
    assert fields[0]["score"] > fields[1]["score"] > 1 / 3
    assert "/far" not in json.dumps(account().to_json())


def test_what_could_not_be_measured_is_said() -> None:
    told = account()
    assert "not measured: ski" in told.notes[0]
    assert "fewer than 5 examples: golf, archery, ski" in told.notes[1]
    nothing = account(())
    assert nothing.accuracy is None
    assert nothing.to_json()["accuracy"] is None
    assert nothing.measured == 0


def test_a_card_has_one_section_for_each_question() -> None:
    told = account()
    first = card_with("# model\n\n## Limits\n\nMany.\n", {"sport": told})
    assert first.startswith("# model\n\n## Limits\n\nMany.\n\n## Question sport\n")
    assert "50.0% right" in first
    both = card_with(first, {"sports": dataclasses.replace(told, name="sports")})
    assert both.count("## Question sport\n") == both.count("## Question sports\n") == 1
    again = card_with(both, {"sport": account(())})
    assert again.count("## Question sport\n") == 1
    assert "50.0% right" in again  # of sports
    assert "Not measured" in again
    assert again.index("## Question sports") < again.index("## Question sport\n")
    assert card_with(again, {"sport": account(())}) == again
