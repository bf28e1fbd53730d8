"""Answers of an encoder beside those in fp32."""

from __future__ import annotations

import numpy as np

from benchmarks.int8.encoder import Answers, sentences


def test_answers_are_counted_apart_near_a_tie() -> None:
    true = Answers(said=["a", "b", "c"], gaps=np.array([0.5, 0.001, 0.2]), right=[True, True, False])
    other = Answers(said=["a", "c", "d"], gaps=np.array([0.4, 0.001, 0.1]), right=[True, False, False])
    found = other.beside(true)
    assert (found["same_answer"]["hits"], found["same_answer"]["of"]) == (1, 3)
    assert (found["same_answer_not_near_a_tie"]["hits"], found["same_answer_not_near_a_tie"]["of"]) == (1, 2)
    assert found["right"]["hits"] == 1
    assert "right" not in Answers(said=["a"], gaps=np.ones(1), right=[]).beside(
        Answers(said=["a"], gaps=np.ones(1), right=[])
    )


def test_no_sentence_is_observed_and_judged() -> None:
    observed, judged = sentences(observed=True), sentences(observed=False)
    assert len(observed) >= 64
    assert len(judged) >= 400
    assert len(set(observed) & set(judged)) < 5
