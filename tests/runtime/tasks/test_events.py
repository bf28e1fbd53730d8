"""Events: of the model's questions and of labels of one's own, over cuts, open stretches and saved features."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.small_conse import CONFIG, film, open_small_conse
from tests.small_milnce import open_small_milnce
from tests.small_model import frames_of

from videobert.base.errors import Cancelled, InputError, ModelError, UsageError
from videobert.results.events import Events
from videobert.runtime import Runtime

# The small model calls the second channel blue.
RED, BLUE, DARK, BOTH = (200, 20, 20), (20, 200, 20), (10, 10, 10), (200, 200, 20)


@pytest.fixture(scope="module")
def conse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse")) as opened:
        yield opened


def told(found: Events, question: str | None = None) -> list[tuple[float, float, str]]:
    return [(e.start_s, e.end_s, e.label) for e in found if question is None or e.question == question]


def test_events_are_runs_between_cuts(conse: Runtime) -> None:
    found = conse.events(film(RED, BLUE, RED, seconds=2.0), question="colour")
    assert told(found) == [(0.0, 2.0, "red"), (2.0, 4.0, "blue"), (4.0, 6.0, "red")]
    assert found.changes_s == found.cuts_s == (2.0, 4.0)
    assert found.unsure == ()
    assert (found.start_s, found.end_s, found.questions, found.at_least) == (0.0, 6.0, ("colour",), 0.5)
    assert len(found) == 3
    assert all(0.9 < event.score <= 1 for event in found)


def test_one_event_goes_over_a_cut_that_changes_no_answer(conse: Runtime) -> None:
    found = conse.events(film(RED, (255, 90, 90), seconds=3.0), question="colour")
    assert found.cuts_s == (3.0,)
    assert told(found) == [(0.0, 6.0, "red")]
    assert found.changes_s == ()


def test_what_the_model_leaves_open_is_no_event(conse: Runtime) -> None:
    found = conse.events(film(RED, DARK, BLUE, seconds=3.0), question="colour")
    assert told(found) == [(0.0, 3.0, "red"), (6.0, 9.0, "blue")]
    assert [(each.start_s, each.end_s, each.question) for each in found.unsure] == [(3.0, 6.0, "colour")]
    assert found.changes_s == (3.0, 6.0)


def test_a_label_below_the_probability_asked_for_is_left_open(conse: Runtime) -> None:
    # Two channels of one brightness: an even chance.
    found = conse.events(film(RED, (200, 195, 20)), question="colour", at_least=0.7)
    assert told(found) == [(0.0, 3.0, "red")]
    assert [(each.start_s, each.end_s) for each in found.unsure] == [(3.0, 6.0)]
    assert len(conse.events(film(RED, (200, 195, 20)), question="colour", at_least=0.3)) == 1


def test_all_questions_are_asked_and_their_events_overlap(conse: Runtime) -> None:
    found = conse.events(film(RED, DARK))
    assert found.questions == tuple(CONFIG.questions)
    assert told(found, "colour") == [(0.0, 3.0, "red")]
    assert [label for *_, label in told(found, "light")] == ["light", "dark"]
    assert told(found, "any") == [(0.0, 3.0, "warm")]
    starts = [event.start_s for event in found]
    assert starts == sorted(starts)


def test_several_labels_of_ones_own_may_fit_at_once(conse: Runtime) -> None:
    found = conse.events(film(RED, BLUE, DARK), labels=["a red square", "red", "blue"])
    assert told(found) == [(0.0, 3.0, "a red square"), (0.0, 3.0, "red"), (3.0, 6.0, "blue")]
    assert {event.question for event in found} == {None}
    assert found.questions == ()
    assert [(each.start_s, each.end_s, each.question) for each in found.unsure] == [(6.0, 9.0, None)]


def test_labels_of_which_none_fits_are_no_events_and_not_open(conse: Runtime) -> None:
    found = conse.events(film(RED), labels=["moves", "left"])
    assert (found.events, found.unsure, found.changes_s) == ((), (), ())


def test_frames_that_come_one_by_one_give_the_events_of_their_film(conse: Runtime) -> None:
    video = film(RED, BLUE, seconds=2.0)
    found = conse.events(zip(video.frames, video.times_s.tolist(), strict=True), question="colour")
    assert told(found) == [(0.0, 2.0, "red"), (2.0, 4.0, "blue")]


def test_saved_features_give_the_events_of_their_video(conse: Runtime) -> None:
    video = film(RED, BLUE, seconds=3.0)
    assert told(conse.events(conse.features(video), question="colour")) == told(conse.events(video, question="colour"))


def test_saved_tokens_answer_what_they_can(conse: Runtime) -> None:
    found = conse.events(conse.tokens(film(RED, BLUE)))
    assert told(found) == [
        (0.0, 3.0, "red"),
        (0.0, 3.0, "warm"),
        (3.0, 6.0, "blue"),
        (3.0, 6.0, "cold"),
    ]
    assert found.cuts_s == (3.0,)


def test_flashes_too_short_to_be_shown_part_nothing(conse: Runtime) -> None:
    video = film(RED, RED, seconds=3.0)
    video.frames[30] = 255
    found = conse.events(video, question="colour")
    assert told(found) == [(0.0, 6.0, "red")]


def test_time_is_covered_once_by_each_question(conse: Runtime) -> None:
    found = conse.events(film(RED, DARK, BLUE, BOTH, RED, seconds=1.7))
    for question in found.questions:
        both = sorted(
            (each.start_s, each.end_s) for each in (*found.events, *found.unsure) if each.question == question
        )
        assert both[0][0] == found.start_s
        assert both[-1][1] == found.end_s
        assert all(a[1] == b[0] for a, b in pairwise(both))


def test_bad_arguments(conse: Runtime) -> None:
    video = film(RED)
    with pytest.raises(InputError, match="no such question"):
        conse.events(video, question="taste")
    with pytest.raises(UsageError, match="labels of its own"):
        conse.events(video, labels=["red"], question="colour")
    with pytest.raises(UsageError, match="at_least"):
        conse.events(video, question="colour", at_least=1.5)
    with pytest.raises(UsageError):
        conse.events(video, labels=[])


def test_one_label_is_enough_where_each_is_judged_for_itself(conse: Runtime) -> None:
    assert told(conse.events(film(RED, BLUE), labels=["red"])) == [(0.0, 3.0, "red")]


def test_cancelled(conse: Runtime) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        conse.events(film(RED), cancel=stop)


def test_a_model_that_answers_by_templates_chooses_among_labels_in_those_of_a_question(model: Runtime) -> None:
    video = frames_of(6.0, seed=3)
    found = model.events(video, labels=["red", "blue"], question="colour", at_least=0.0)
    assert {event.label for event in found} <= {"red", "blue"}
    assert found.questions == ("colour",)
    with pytest.raises(UsageError, match="in the sentences of a question"):
        model.events(video, labels=["red", "blue"])


def test_a_model_without_questions_needs_labels_and_may_compare_them(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model:
        with pytest.raises(UsageError, match="labels must be given"):
            model.events(film(RED))
        found = model.events(film(RED, BLUE), labels=["red", "green"])
        assert told(found) == [(0.0, 3.0, "red"), (3.0, 6.0, "green")]
        with pytest.raises(UsageError, match="there is one alone"):
            model.events(film(RED), labels=["red"])


def test_a_model_that_chooses_no_labels_says_who_can(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model:
        model._opened.can = lambda capability: capability != "classifies"  # type: ignore[method-assign]
        with pytest.raises(ModelError, match="cannot choose among labels"):
            model.events(film(RED))
