"""The family milnce: vectors of clips and texts, compared by their product."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_conse import film, open_small_conse
from tests.small_milnce import COLOURS, CONFIG, TABLE, open_small_milnce

from videobert.base.errors import InputError, LimitExceeded, ModelError, UsageError
from videobert.families.milnce import MilNce
from videobert.model.config import ModelConfig, TwoTowersConfig
from videobert.pipeline.scoring import Clips
from videobert.results.as_json import to_json
from videobert.results.classify import NONE_OF_THESE
from videobert.runtime import Runtime

RED, GREEN = (220, 20, 20), (20, 220, 20)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_milnce(tmp_path_factory.mktemp("milnce")) as opened:
        yield opened


def family_of(model: Runtime) -> MilNce:
    family = model._opened.family
    assert isinstance(family, MilNce)
    return family


def clips(*features: tuple[float, float, float]) -> Clips:
    rows = np.array([(*feature, 1, 1, 1, 1, 1) for feature in features], np.float32)
    return Clips(ids=np.zeros(0, np.int32), features=rows)


def test_a_text_is_the_maximum_over_its_words_and_no_word(model: Runtime) -> None:
    vector = model.embed(text=f"a {COLOURS[0]} square").vector
    np.testing.assert_array_equal(vector, np.maximum(TABLE[1], TABLE[4]))
    assert model.embed(text=COLOURS[0]).comparable


def test_words_that_it_does_not_know_count_for_nothing_and_are_told(model: Runtime) -> None:
    embedded = model.embed(text=f"the {COLOURS[1]} zebra")
    np.testing.assert_array_equal(embedded.vector, model.embed(text=COLOURS[1]).vector)
    assert embedded.unknown_words == ("the", "zebra")
    with pytest.raises(InputError, match="knows no word"):
        model.embed(text="the zebra")


def test_sixteen_known_words_fit_and_no_more(model: Runtime) -> None:
    model.embed(text="unheard of " * 20 + "square " * 16)
    with pytest.raises(LimitExceeded, match="longer than the model can hold") as refused:
        model.embed(text="square " * 17)
    assert (refused.value.seen, refused.value.allowed) == ("17 words that it knows", "at most 16")


def test_no_place_is_left_to_a_word_where_sixteen_stand(model: Runtime) -> None:
    """With 16 words the row of no word takes no part: its zeros do not bound the maximum."""
    family = family_of(model)
    asked: list[Any] = []
    family_run = family._run

    def run(stage: str, **inputs: Any) -> Any:
        asked.append(inputs["ids"])
        return family_run(stage, **inputs)

    family._run = run
    try:
        family._text_vectors([[4] * 16, [4]], None)
    finally:
        family._run = family_run
    np.testing.assert_array_equal(asked[0], [[4] * 16, [4] + [0] * 15])


def test_a_film_is_the_mean_of_its_clips(model: Runtime) -> None:
    family = family_of(model)
    stretches = [clips((1, 0, 0), (0, 1, 0)), clips((0, 0, 3))]
    np.testing.assert_allclose(family.vector(None, stretches), [1 / 3, 1 / 3, 1], rtol=1e-6)
    both = family.vector([1], stretches)
    np.testing.assert_allclose(both, (TABLE[1] + [1 / 3, 1 / 3, 1]) / 2, rtol=1e-6)


def test_a_long_film_is_taken_in_blocks(model: Runtime) -> None:
    rows = np.random.default_rng(0).random((70, 3))
    vector = family_of(model).vector(None, [clips(*map(tuple, rows))])
    np.testing.assert_allclose(vector, rows.mean(axis=0), rtol=1e-5)


def test_alignment_is_a_similarity_and_says_that_it_is_no_probability(model: Runtime) -> None:
    aligned = model.align(film(RED, GREEN, seconds=3.2), COLOURS[0])
    # One window of two clips for each colour; the recipe's clip is 1.6 s.
    assert len(aligned.windows) == 2
    assert aligned.windows[0].similarity == pytest.approx(8 * 220 / 255, abs=0.3)
    assert aligned.windows[1].similarity == pytest.approx(8 * 20 / 255, abs=0.3)
    assert aligned.similarity == pytest.approx(np.mean([window.similarity for window in aligned.windows]))
    assert not aligned.calibrated
    assert to_json(aligned)["similarity"] == aligned.similarity
    assert aligned.score == pytest.approx(1 / (1 + np.exp(-aligned.similarity)))


def test_log_odds_rise_with_the_similarity_as_the_configuration_says(model: Runtime, tmp_path: Path) -> None:
    towers = TwoTowersConfig(width=3, similarity_at_half=5.0, similarity_scale=2.0)
    stretches = [clips((1, 0, 0)), clips((0, 1, 0))]
    with open_small_milnce(tmp_path, two_towers=towers) as other:
        plain, mapped = family_of(model), family_of(other)
        similarity = mapped.similarity([1], stretches)
        np.testing.assert_allclose(mapped.log_odds([1], stretches), (similarity - 5) / 2)
        np.testing.assert_allclose(plain.log_odds([1], stretches), similarity)
        np.testing.assert_allclose(similarity, [8, 0])


def test_an_answer_that_is_a_probability_has_no_similarity(tmp_path: Path) -> None:
    with open_small_conse(tmp_path) as conse:
        aligned = conse.align(film(RED), "a red square")
    assert aligned.calibrated
    assert "similarity" not in to_json(aligned)
    assert "similarity" not in to_json(aligned)["windows"][0]


def test_labels_are_compared_with_each_other_alone(model: Runtime) -> None:
    chosen = model.classify(film(RED, GREEN, seconds=3.2), labels=COLOURS)
    assert [segment.text for segment in chosen.segments] == ["red", "green"]
    for segment in chosen.segments:
        assert NONE_OF_THESE not in {candidate.text for candidate in segment.candidates}
        assert sum(candidate.score for candidate in segment.candidates) == pytest.approx(1)
    with pytest.raises(UsageError, match="there is one alone"):
        model.classify(film(RED), labels=[COLOURS[0]])


def test_templates_of_a_caller_are_averaged(model: Runtime) -> None:
    found = family_of(model).label_log_odds([[[1], [4]]], [clips((1, 0, 0))])
    np.testing.assert_allclose(found.log_odds, [[(8 + 1) / 2]])
    assert found.sure.all()


def test_saved_tokens_alone_are_refused(model: Runtime) -> None:
    with pytest.raises(InputError, match="needs features"):
        family_of(model).vector(None, [Clips(ids=np.zeros(2, np.int32))])


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda model, video: model.tokens(video), "visual tokens"),
        (lambda model, video: model.fill("a [MASK] square"), "cannot fill in words"),
        (lambda model, video: model.fill("red", video, visual=[0]), "cannot fill in moments"),
    ],
)
def test_what_it_lacks_is_refused(model: Runtime, ask: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        ask(model, film(RED))


def test_what_it_can_is_said_where_it_cannot(model: Runtime) -> None:
    with pytest.raises(ModelError) as refused:
        model.fill("a [MASK] square")
    assert "small-milnce, which can judge whether a text belongs to a video" in str(refused.value.seen)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"two_towers": None}, "two_towers is out of range"),
        ({"family": "videobert", "visual_tokens": 3}, "two_towers is out of range"),
        ({"two_towers": TwoTowersConfig(width=0)}, r"two_towers\.width"),
        ({"two_towers": TwoTowersConfig(similarity_scale=0)}, r"two_towers\.similarity_scale"),
        # Log-odds by these would be infinite; the last is a whole number that no float holds.
        ({"two_towers": TwoTowersConfig(similarity_scale=1e-300)}, r"two_towers\.similarity_scale"),
        ({"two_towers": TwoTowersConfig(similarity_at_half=1e308)}, r"two_towers\.similarity_at_half"),
        ({"two_towers": TwoTowersConfig(similarity_at_half=10**400)}, r"two_towers\.similarity_at_half"),
        ({"token_question": {}}, "token_question"),
        ({"two_towers": TwoTowersConfig(similarity_at_half=float("nan"))}, r"two_towers\.similarity_at_half"),
        ({"heads": ("text",)}, "heads is out of range"),
        ({"visual_tokens": -1}, "visual_tokens is out of range"),
    ],
)
def test_an_impossible_configuration_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        ModelConfig.from_json(dataclasses.replace(CONFIG, **changes).to_json())


def test_the_configuration_is_read_as_it_was_written() -> None:
    assert ModelConfig.from_json(CONFIG.to_json()) == CONFIG
    assert "two_towers" not in dataclasses.replace(CONFIG, two_towers=None).to_json()
