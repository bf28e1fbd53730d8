"""What is measured is measured on videos that were not learned from."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.modeling.learn.head.conftest import Maker

from videobert_modeling.learn.head.cross_validation import (
    STRENGTHS,
    USUAL_STRENGTH,
    Labelled,
    choose_strength,
    fitter_of,
    hold_out,
    probabilities_of,
)


def accuracy(labelled: Labelled) -> float:
    held = hold_out(labelled)
    return float((held.probabilities.argmax(axis=1) == labelled.targets[held.measured]).mean())


def test_five_examples_of_each_label_are_enough_for_an_easy_question(made: Maker) -> None:
    labelled = made(5)
    held = hold_out(labelled)
    assert held.measured.tolist() == list(range(15))
    assert [each.shape for each in held.clips] == [(2, 3)] * 15
    assert held.nested
    assert len(held.strengths) == 5
    assert set(held.strengths) <= set(STRENGTHS)
    assert accuracy(labelled) == 1.0


def test_stretches_of_one_video_never_stand_on_both_sides(made: Maker) -> None:
    # Every video is alike in itself, and says nothing of the next one: what looks learned is remembered.
    labelled = made(16, labels=2, noise=40.0, per_video=4, clips=1)
    other_half = [example.video.replace("-", "-x") if i % 2 else example.video for i, example in
                  enumerate(labelled.examples)]  # fmt: skip
    torn = dataclasses.replace(
        labelled,
        examples=tuple(
            dataclasses.replace(example, video=f"{video}{i}")
            for i, (example, video) in enumerate(zip(labelled.examples, other_half, strict=True))
        ),
    )
    assert accuracy(torn) == 1.0  # as if each stretch were a video of its own
    assert accuracy(labelled) < 0.8


def test_a_label_of_one_video_is_not_measured_and_still_learned(made: Maker) -> None:
    labelled = made(6, labels=3)
    one = dataclasses.replace(
        labelled,
        examples=tuple(
            dataclasses.replace(example, video="same") if target == 2 else example
            for example, target in zip(labelled.examples, labelled.targets, strict=True)
        ),
    )
    held = hold_out(one)
    assert set(one.targets[held.measured]) == {0, 1}
    head = fitter_of(one).fit(1.0)
    rows = np.stack([example.clips.mean(axis=0) for example in one.examples])
    assert (head.logits(rows).argmax(axis=1) == one.targets).all()


def test_one_video_alone_measures_nothing(made: Maker) -> None:
    labelled = made(4)
    one = dataclasses.replace(
        labelled, examples=tuple(dataclasses.replace(example, video="same") for example in labelled.examples)
    )
    held = hold_out(one)
    assert len(held.measured) == len(held.clips) == 0
    assert held.probabilities.shape == (0, 0)
    assert choose_strength(one) == USUAL_STRENGTH


def test_noise_asks_for_a_stronger_penalty(made: Maker) -> None:
    assert choose_strength(made(20, noise=5.0, dim=60)) < choose_strength(made(20, noise=0.3, dim=60))


def test_with_many_examples_the_folds_share_one_choice(made: Maker) -> None:
    held = hold_out(made(140, dim=6))
    assert not held.nested
    assert len(set(held.strengths)) == 1


def test_chance_is_reported_as_chance(made: Maker) -> None:
    labelled = made(30, labels=4, dim=8)
    shuffled = dataclasses.replace(labelled, targets=np.random.default_rng(1).permutation(labelled.targets))
    assert accuracy(shuffled) < 0.45


def test_a_stretch_is_as_probable_as_its_clips_in_the_mean() -> None:
    clips = (np.array([[0.0, 0.0], [np.log(3.0), 0.0]]),)
    np.testing.assert_allclose(probabilities_of(clips), [[0.625, 0.375]], atol=1e-6)
