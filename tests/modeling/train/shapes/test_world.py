"""The generated world: its split, its determinism and its sentences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from videobert_modeling.train.shapes.narrate import (
    FULL_TEMPLATES,
    PARTIAL_TEMPLATES,
    QUESTIONS,
    fill_template,
    narration,
    vocabulary,
)
from videobert_modeling.train.shapes.render import Motion, frames
from videobert_modeling.train.shapes.world import (
    ATTRIBUTES,
    HELD_OUT,
    HELD_OUT_BACKGROUNDS,
    MOTIONS,
    TRAIN_BACKGROUNDS,
    Film,
    Scene,
    combinations,
    held_out_films,
    training_films,
)


def small(film: Film) -> Film:
    """The first half second of a film's first event, 64 pixels wide."""
    from dataclasses import replace

    first = replace(film.events[0], start_s=0.0, end_s=0.5)
    return replace(film, events=(first,), width=64, height=48)


def test_fifteen_percent_of_combinations_are_held_out_and_every_pair_stays_in_training() -> None:
    seen = combinations("seen")
    assert len(HELD_OUT) == len(combinations("unseen")) == round(0.15 * (len(seen) + len(HELD_OUT)))
    for a, b in itertools.combinations(range(3), 2):
        pairs = {(c[a], c[b]) for c in seen}
        everything = {(c[a], c[b]) for c in (*seen, *HELD_OUT)}
        assert pairs == everything


def test_training_films_show_no_held_out_combination_and_evaluation_films_of_unseen_ones_nothing_else() -> None:
    training = [event.scene for film in training_films(150, seed=3) for event in film.events]
    assert not any(scene.held_out for scene in training)
    assert {(s.colour, s.shape, s.motion) for s in training} == set(combinations("seen"))
    assert all(film.events[0].scene.held_out for film in held_out_films(40, seed=3, split="unseen"))
    assert not any(film.events[0].scene.held_out for film in held_out_films(40, seed=3, split="seen"))


def test_evaluation_backgrounds_are_not_those_of_training() -> None:
    assert not set(TRAIN_BACKGROUNDS) & set(HELD_OUT_BACKGROUNDS)


def test_the_same_seed_gives_the_same_films_and_pixels_and_another_seed_others() -> None:
    assert training_films(5, seed=1) == training_films(5, seed=1)
    assert training_films(5, seed=1) != training_films(5, seed=2)
    film = small(training_films(1, seed=1)[0])
    first, again = np.stack(list(frames(film))), np.stack(list(frames(film)))
    assert np.array_equal(first, again)


def test_more_films_begin_with_the_same_films() -> None:
    assert training_films(8, seed=1)[:5] == training_films(5, seed=1)


@pytest.mark.parametrize("motion", MOTIONS)
def test_objects_fill_at_least_a_third_of_the_picture_at_all_times(motion: str) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        duration_s = float(rng.uniform(2, 6))
        move = Motion(rng, motion, duration_s)
        assert min(move(t).diameter for t in np.linspace(0, duration_s, 20)) >= 1 / 3


@pytest.mark.parametrize(("motion", "grows"), [("grows", True), ("shrinks", False)])
def test_every_clip_of_a_growing_or_shrinking_object_shows_the_change(motion: str, grows: bool) -> None:
    for seed in range(20):
        move = Motion(np.random.default_rng(seed), motion, 6.0)
        for start in (0.0, 1.5, 3.0, 4.5):
            ratio = move(start + 1.5).diameter / move(start).diameter
            assert ratio > 1.15 if grows else ratio < 1 / 1.15


def test_every_event_is_narrated_in_its_own_time_with_words_of_the_vocabulary() -> None:
    words = set(vocabulary())
    for film in training_films(10, seed=0):
        sentences = narration(film, seed=0)
        assert sentences == narration(film, seed=0)
        spans = [(event.start_s, event.end_s) for event in film.events]
        for sentence in sentences:
            assert any(start <= sentence.start_s < sentence.end_s <= end for start, end in spans)
            assert set(sentence.text.split()) <= words
        assert sentences[0].start_s == 0.0
        assert sentences[-1].end_s == film.duration_s


def test_no_two_scenes_share_a_full_sentence() -> None:
    scenes = [Scene(*values) for values in itertools.product(*ATTRIBUTES.values())]
    for template in FULL_TEMPLATES:
        assert len({fill_template(template, scene) for scene in scenes}) == len(scenes)


def test_questions_are_asked_in_sentences_that_training_has() -> None:
    scene = Scene("red", "star", "sad", "spins")
    spoken = {fill_template(template, scene) for template in PARTIAL_TEMPLATES}
    for name, question in QUESTIONS.items():
        assert question.labels == ATTRIBUTES[name]
        for template in question.templates:
            assert template.replace("[MASK]", getattr(scene, name)) in spoken
