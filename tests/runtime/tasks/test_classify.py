"""`classify` with evidence: what each clip of a stretch adds to its best answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.small_conse import film, open_small_conse

from videobert.base.errors import UsageError
from videobert.model.folder import bundled_names, find
from videobert.results.as_json import to_json
from videobert.results.classify import NONE_OF_THESE
from videobert.runtime import load

RED, DARK, GREEN = (220, 20, 20), (15, 15, 15), (20, 20, 220)


def test_each_clip_has_what_the_mean_of_the_others_lacks(tmp_path: Path) -> None:
    scenes = film(RED, DARK, RED, seconds=1.5)
    with open_small_conse(tmp_path, shots=None) as model:
        alone = model.classify(scenes, question="colour", window_clips=1).segments
        (found,) = model.classify(scenes, question="colour", window_clips=len(alone), evidence=True).segments
    assert found.text == "red"
    red = np.array([next(c.score for c in each.candidates if c.text == "red") for each in alone])
    assert found.candidates[0].score == pytest.approx(red.mean(), abs=1e-6)
    assert [(each.start_s, each.end_s) for each in found.evidence] == [(s.start_s, s.end_s) for s in alone]
    wanted = [red.mean() - np.delete(red, place).mean() for place in range(len(red))]
    assert [each.drop for each in found.evidence] == pytest.approx(wanted, abs=1e-6)
    assert min(wanted) < 0 < max(wanted)


def test_a_stretch_of_one_clip_is_held_against_labels_that_are_all_as_likely(tmp_path: Path) -> None:
    with open_small_conse(tmp_path, shots=None) as model:
        found = model.classify(film(RED, GREEN), ["red", "green"], window_clips=1, evidence=True)
    for segment in found.segments:
        best, (only,) = segment.candidates[0], segment.evidence
        assert best.text != NONE_OF_THESE
        assert only.drop == pytest.approx(best.score - 1 / 3, abs=1e-6)
        assert (only.start_s, only.end_s) == (segment.start_s, segment.end_s)


def test_of_a_joint_encoder_the_clip_that_shows_it_weighs_most() -> None:
    if "shapes" not in bundled_names():
        pytest.skip("this checkout carries no bundled model")
    with load("shapes") as model:
        tokens = model.tokens(find("shapes") / "clip.mp4")
        plain = model.classify(tokens, question="colour", window_clips=3)
        found = model.classify(tokens, question="colour", window_clips=3, evidence=True)
    assert [len(each.evidence) for each in found.segments] == [3, 3, 1]
    # The first three clips show a yellow star twice, and then a blue circle.
    yellow = found.segments[0]
    assert yellow.text == "yellow"
    assert min(yellow.evidence, key=lambda each: each.drop).start_s == 3.0
    assert [each.candidates for each in found.segments] == [each.candidates for each in plain.segments]


def test_json_has_no_word_of_evidence_that_nobody_asked_for(tmp_path: Path) -> None:
    with open_small_conse(tmp_path, shots=None) as model:
        plain, asked = (
            to_json(model.classify(film(RED), question="colour", evidence=wanted))["segments"][0]
            for wanted in (False, True)
        )
    assert "evidence" not in plain
    assert {*asked["evidence"][0]} == {"start_s", "end_s", "drop"}


def test_a_model_that_has_questions_names_one_where_nothing_was_asked() -> None:
    with load("shapes") as model, pytest.raises(UsageError, match="labels and templates must be given") as caught:
        model.classify(find("shapes") / "clip.mp4")
    name = next(iter(model.config.questions))
    assert name in str(caught.value.allowed)
    assert str(caught.value.fix).startswith(f'For example question="{name}", or labels=[')
    assert str(caught.value.fix_cli).startswith(f"For example --question {name}, or --label red")


def test_a_model_without_questions_names_none(tmp_path: Path) -> None:
    with open_small_conse(tmp_path) as model, pytest.raises(UsageError, match="labels must be given") as caught:
        model.classify(film((200, 0, 0), seconds=3.0))
    assert ("question" in str(caught.value.fix)) == bool(model.config.questions)
    assert ("--question" in str(caught.value.fix_cli)) == bool(model.config.questions)
