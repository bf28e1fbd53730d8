"""The benchmark of events on generated films: what is true in one, and one film measured."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import pytest

from videobert.model.folder import bundled_names
from videobert.runtime import load
from videobert_modeling.train.shapes.world import HELD_OUT_BACKGROUNDS, Event, Film, Scene, held_out_stories

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
sys.path.append(str(BENCHMARKS / "everyday"))

import shapes_events  # noqa: E402
from average_precision import Stretch  # noqa: E402

FILM = Film(
    (
        Event(Scene("red", "star", "happy", "spins"), 0.0, 3.2),
        Event(Scene("red", "circle", "sad", "bounces"), 3.2, 7.0),
        Event(Scene("blue", "circle", "sad", "blinks"), 7.0, 9.5),
    ),
    320,
    240,
    Fraction(25),
    "libx264",
    26,
    HELD_OUT_BACKGROUNDS,
    11,
)


def test_scenes_with_one_answer_are_one_true_event() -> None:
    found = [stretch[1:4] for stretch in shapes_events.true_events(FILM, "film")]
    assert ("colour: red", 0.0, 7.0) in found
    assert ("shape: circle", 3.2, 9.5) in found
    assert ("mood: sad", 3.2, 9.5) in found
    assert [stretch for stretch in found if stretch[0].startswith("motion")] == [
        ("motion: spins", 0.0, 3.2),
        ("motion: bounces", 3.2, 7.0),
        ("motion: blinks", 7.0, 9.5),
    ]
    assert len(found) == 9


def test_stories_are_the_same_every_time_and_of_their_split() -> None:
    films = held_out_stories(3, 5, "unseen", any_length=True)
    assert films == held_out_stories(3, 5, "unseen", any_length=True)
    assert all(event.scene.held_out for film in films for event in film.events)
    assert all(3 <= len(film.events) <= 6 for film in films)
    plain = held_out_stories(3, 5, "seen", any_length=False)
    assert {event.end_s - event.start_s for film in plain for event in film.events} <= {3.0, 4.5, 6.0}


@pytest.mark.skipif("shapes" not in bundled_names(), reason="this checkout carries no bundled model")
def test_the_events_of_a_film_whose_cuts_lie_between_clips(tmp_path: Path) -> None:
    paths = shapes_events.written([FILM], tmp_path)
    with load("shapes") as model:
        measured = shapes_events.measured(model, [FILM], paths)
        (path,) = paths
        cuts = model.events(path).cuts_s
    assert measured["mean_average_precision"]["0.5"] == 1.0
    assert measured["true_events"] == measured["events_found"] == 9
    assert cuts == pytest.approx((3.2, 7.0))
    assert Stretch("a", "b", 0, 1).score == 1.0
