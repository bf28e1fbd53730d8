"""A sentence made of a model's answers to its questions: it says no more than those do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from videobert.model.config import ModelConfig
from videobert.pipeline.opened import OpenedModel
from videobert.text.answer_sentences import UNSURE_TEXT, action_sentence, are_actions, question_sentence

# A label counts from this probability: it is likelier than not.
AT_LEAST = 0.5


def told_questions(opened: OpenedModel, questions: Iterable[str]) -> list[str]:
    """The questions that a sentence is made of: those about what goes on, if there are any, not those of pictures."""
    known, asked = list(questions), opened.config.questions
    moving = [name for name in known if (asked[name].of or name) not in opened.picture_classifiers]
    return moving or known


def label_sentence(config: ModelConfig, answers: Mapping[str, tuple[str, float] | None]) -> tuple[str, float]:
    """The sentence, and the mean score of the answers in it; `UNSURE_TEXT` and 0 where none is stood to.

    Args:
        answers: for each question a label with its score; None where it is left open.
    """
    said = {name: answer for name, answer in answers.items() if answer is not None}
    if not said:
        return UNSURE_TEXT, 0.0
    texts = [_about(config, name, label) for name, (label, _) in said.items()]
    return " ".join(texts), float(np.mean([score for _, score in said.values()]))


def _about(config: ModelConfig, name: str, label: str) -> str:
    question = config.questions[name]
    if question.templates or not are_actions(question.labels):
        return question_sentence(name, label, question.templates)
    space = config.text_space
    phrase = None
    if space is not None and space.question == name and space.label_texts:
        # The label itself comes first; what follows says the same in other words.
        phrases = space.label_texts[question.labels.index(label)]
        phrase = phrases[1] if len(phrases) > 1 else None
    return action_sentence(label, phrase)
