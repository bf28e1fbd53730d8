"""A threshold that most of what was right reaches, and what is none of the labels does not."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.modeling.learn.head.conftest import Maker

from videobert.families.judged import judged
from videobert.model.questions import AbstainConfig
from videobert_modeling.learn.head.cross_validation import choose_strength, fitter_of, hold_out
from videobert_modeling.learn.head.threshold import energy_of, threshold_of


def test_energy_is_the_log_sum_exp() -> None:
    logits = np.array([[0.0, 0.0], [1000.0, 999.0]])
    np.testing.assert_allclose(energy_of(logits), [np.log(2), 1000 + np.log(1 + np.exp(-1))])


def test_most_clips_of_new_videos_are_answered_and_most_strange_ones_left_open(made: Maker) -> None:
    everything = made(40, labels=6)
    known = everything.part(np.flatnonzero(everything.targets < 5))
    known = dataclasses.replace(known, labels=5)
    threshold = threshold_of(known, hold_out(known))
    head = fitter_of(known).fit(choose_strength(known))
    rules = AbstainConfig(energy_at_least=threshold)
    fresh = made(40, labels=6, seed=7)
    clips = np.concatenate([example.clips for example in fresh.examples])
    strange = np.repeat(fresh.targets == 5, 2)
    sure = judged(head.logits(clips).astype(np.float32), rules).sure
    assert sure[~strange].mean() > 0.85
    assert sure[strange].mean() < 0.2


def test_without_a_right_answer_there_is_no_threshold(made: Maker) -> None:
    labelled = made(4)
    one = dataclasses.replace(
        labelled, examples=tuple(dataclasses.replace(example, video="same") for example in labelled.examples)
    )
    assert threshold_of(one, hold_out(one)) is None
    held = hold_out(labelled)
    wrong = dataclasses.replace(labelled, targets=(labelled.targets + 1) % 3)
    assert threshold_of(wrong, held) is None
