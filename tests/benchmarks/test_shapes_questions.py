"""The benchmark of questions on generated films: what is true in one, and two films measured."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from videobert.model.folder import bundled_names
from videobert.runtime import load
from videobert_modeling.train.shapes.media import write_film
from videobert_modeling.train.shapes.world import ATTRIBUTES, HELD_OUT_BACKGROUNDS, Event, Film, Scene

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import shapes_questions

RED_STAR, BLUE_CIRCLE = Scene("red", "star", "happy", "spins"), Scene("blue", "circle", "sad", "bounces")
GREEN_HEART, WHITE_SQUARE = Scene("green", "heart", "neutral", "slides"), Scene("white", "square", "happy", "grows")


def film_of(*scenes: Scene, seed: int = 11) -> Film:
    events = tuple(Event(scene, 3.0 * place, 3.0 * place + 3) for place, scene in enumerate(scenes))
    return Film(events, 160, 120, Fraction(10), "libx264", 26, HELD_OUT_BACKGROUNDS, seed)


def test_neighbours_that_a_sentence_is_true_of_are_a_stretch_too() -> None:
    film = film_of(RED_STAR, replace(RED_STAR, mood="sad"), BLUE_CIRCLE, RED_STAR)
    found = shapes_questions.true_spans(film, "a {colour} {shape}", "a red star")
    assert found[:2] == [(0.0, 6.0), (9.0, 12.0)]
    assert found[2:] == [(0.0, 3.0), (3.0, 6.0), (9.0, 12.0)]


@pytest.mark.parametrize(("other", "share"), [((0, 4), 1.0), ((2, 6), 1 / 3), ((4, 6), 0.0), ((9, 12), 0.0)])
def test_overlap(other: tuple[float, float], share: float) -> None:
    assert shapes_questions.overlap((0, 4), other) == pytest.approx(share)


@pytest.mark.parametrize("alike", [False, True])
def test_wrong_scenes_are_nowhere_in_the_film(alike: bool) -> None:
    film = film_of(RED_STAR, BLUE_CIRCLE)
    found = shapes_questions.wrong_scenes(np.random.default_rng(1), RED_STAR, film, alike=alike)
    assert len(set(found)) == 3
    assert not {RED_STAR, BLUE_CIRCLE} & set(found)
    differ = [sum(getattr(each, name) != getattr(RED_STAR, name) for name in ATTRIBUTES) for each in found]
    assert set(differ) == {1} or not alike


@pytest.mark.skipif("shapes" not in bundled_names(), reason="this checkout carries no bundled model")
def test_films_are_measured(tmp_path: Path) -> None:
    films = film_of(RED_STAR, BLUE_CIRCLE), film_of(GREEN_HEART, WHITE_SQUARE, seed=12)
    with load("shapes") as model:
        made = [(film, model.tokens(write_film(film, tmp_path, str(place)))) for place, film in enumerate(films)]
        found = shapes_questions.measured(model, made, np.random.default_rng(1))
    assert found["locate_full_sentences_r1_at_0.5"]["n"] == 4
    for name in ("locate_full_sentences_r1_at_0.5", "choice_of_four_other_scenes_in_film"):
        assert found[name]["value"] == 1.0
    assert found["choice_of_four_one_attribute_in_event"]["value"] == 1.0
