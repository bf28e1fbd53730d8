"""Sentences of answers: what is stood to and no more."""

from __future__ import annotations

import dataclasses

import pytest

from videobert.model.config import ModelConfig
from videobert.model.questions import QuestionConfig
from videobert.pipeline.label_sentence import label_sentence
from videobert.results.as_json import to_json
from videobert.results.run import ReportSegment
from videobert.text.answer_sentences import UNSURE_TEXT

CONFIG = dataclasses.replace(
    ModelConfig(name="small", words=50, visual_tokens=4),
    questions={
        "colour": QuestionConfig(templates=("a [MASK] circle", "it is [MASK]"), labels=("red", "blue")),
        "action": QuestionConfig(labels=("arm wrestling", "tossing coin"), answered_by="features"),
    },
)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"colour": ("red", 0.8), "action": ("tossing coin", 0.6)}, ("A red circle. Someone is tossing a coin.", 0.7)),
        ({"colour": None, "action": ("arm wrestling", 0.9)}, ("Someone is arm wrestling.", 0.9)),
        ({"colour": None, "action": None}, (UNSURE_TEXT, 0.0)),
        ({}, (UNSURE_TEXT, 0.0)),
    ],
)
def test_each_answer_is_a_sentence(answers: dict[str, tuple[str, float] | None], said: tuple[str, float]) -> None:
    text, score = label_sentence(CONFIG, answers)
    assert (text, round(score, 6)) == said


def test_a_segments_sentence_is_for_showing_alone() -> None:
    segment = ReportSegment(start_s=0.0, end_s=1.0, answers={}, tokens=(), percentile=None, sentence="A red circle.")
    assert "sentence" not in to_json(segment)
