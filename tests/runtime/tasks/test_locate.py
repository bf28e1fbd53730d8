"""`locate` by a joint encoder, by meaning, and by a similarity."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.small_conse import CONFIG, film, open_small_conse
from tests.small_milnce import open_small_milnce

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.model.folder import bundled_names, find
from videobert.pipeline.text_fit import word_fit
from videobert.results.locate import Hit, Located
from videobert.runtime import Runtime, load
from videobert.visual.tokens import VisualTokens

# As the small conse model names the channels.
RED, BLUE, GREEN, DARK = (200, 0, 0), (0, 200, 0), (0, 0, 200), (20, 20, 20)


@pytest.fixture(scope="module")
def shapes() -> Iterator[tuple[Runtime, VisualTokens]]:
    if "shapes" not in bundled_names():
        pytest.skip("this checkout carries no bundled model")
    with load("shapes") as model:
        yield model, model.tokens(find("shapes") / "clip.mp4")


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("a yellow star bounces", (0, 3)),
        ("a blue circle", (3, 7.5)),
        ("it looks sad", (3, 7.5)),
        ("a red heart", (7.5, 10.5)),
    ],
)
def test_a_joint_encoder_finds_the_event(
    shapes: tuple[Runtime, VisualTokens], text: str, stretch: tuple[float, float]
) -> None:
    model, tokens = shapes
    found = model.locate(tokens, text, top=1)
    assert [(hit.start_s, hit.end_s) for hit in found] == [stretch]
    assert found.calibrated
    assert found.method == "alignment"
    assert found.hits[0].score > 0.5
    assert found.origin.tokens_from is not None


def test_what_fits_nowhere_has_no_hit(shapes: tuple[Runtime, VisualTokens]) -> None:
    model, tokens = shapes
    found = model.locate(tokens, "a green square")
    assert not found.found
    assert not list(found)
    assert found.clear == ()


def test_a_text_that_fits_two_events_has_two_hits(shapes: tuple[Runtime, VisualTokens]) -> None:
    model, tokens = shapes
    assert {(hit.start_s, hit.end_s) for hit in model.locate(tokens, "it looks happy")} == {(0, 3), (7.5, 10.5)}


def test_evidence_is_the_clips_of_the_hit(shapes: tuple[Runtime, VisualTokens]) -> None:
    model, tokens = shapes
    plain = model.locate(tokens, "a blue circle")
    (hit,) = model.locate(tokens, "a blue circle", evidence=True)
    assert plain.hits[0].evidence == ()
    assert [(each.start_s, each.end_s) for each in hit.evidence] == [(3, 4.5), (4.5, 6), (6, 7.5)]
    # By hand: the same windows by `align`, whose score is the same log-odds squashed.
    assert abs(sum(each.drop for each in hit.evidence)) < hit.fit


def test_words_between_words_gain_where_they_are_seen(shapes: tuple[Runtime, VisualTokens]) -> None:
    model, tokens = shapes
    from videobert.pipeline.fitting import Fitting
    from videobert.pipeline.request import Request
    from videobert.pipeline.watched import watch

    opened = model._opened
    watched = watch(opened, tokens, Request())
    gains = {
        colour: Fitting(opened, word_fit(opened, "it is ", colour, ""), watched, None).judge([[3], [6]]).values
        for colour in ("blue", "red", "white")
    }
    assert gains["blue"][0] > max(0, gains["red"][0], gains["white"][0])
    assert gains["red"][1] > max(0, gains["blue"][1], gains["white"][1])


def test_by_meaning_hits_end_at_cuts_and_dark_stretches_are_none(tmp_path: Path) -> None:
    with open_small_conse(tmp_path) as model:
        found = model.locate(film(RED, BLUE, GREEN, BLUE, DARK, seconds=4.0), "blue")
        assert [(round(hit.start_s), round(hit.end_s)) for hit in sorted(found, key=lambda hit: hit.start_s)] == [
            (4, 8),
            (12, 16),
        ]
        assert found.method == "meaning"
        assert found.calibrated
        assert all(not hit.unsure and hit.score > 0.5 for hit in found)


def test_the_best_of_many_is_sure_only_where_its_odds_are_above_their_number(tmp_path: Path) -> None:
    """One shot that fits with odds of e to one: among two stretches it counts, among six it may be by accident."""
    space = CONFIG.text_space
    assert space is not None
    with open_small_conse(tmp_path / "plain") as model:
        fit = model.locate(film(BLUE, RED, seconds=1.5), "blue").hits[0].fit
    moved = dataclasses.replace(space, cosine_at_half=space.cosine_at_half + (fit - 1) * space.cosine_scale)
    with open_small_conse(tmp_path / "moved", text_space=moved) as model:
        for others, is_unsure in ((1, False), (5, True)):
            found = model.locate(film(BLUE, *[RED, GREEN, RED, GREEN, RED][:others], seconds=1.5), "blue")
            assert found.hits[0].start_s == 0
            assert found.hits[0].fit == pytest.approx(1.0, abs=0.1)
            assert found.hits[0].unsure is is_unsure


def test_a_model_that_only_compares_always_has_a_hit(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model:
        # Its words lie along the channels in another order.
        found = model.locate(film((200, 0, 0), (0, 200, 0), (0, 0, 200)), "green")
        assert not found.calibrated
        assert found.hits[0].score == 1.0
        assert found.hits[0].start_s <= 4.5 <= found.hits[0].end_s
        assert found.clear == found.hits


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("", {}, InputError),
        ("xyzzy", {}, InputError),
        ("red", {"top": 0}, UsageError),
        ("red", {"evidence": 1}, UsageError),
    ],
)
def test_what_cannot_be_looked_for_is_refused(
    shapes: tuple[Runtime, VisualTokens], text: str, options: dict[str, int], error: type[Exception]
) -> None:
    model, tokens = shapes
    with pytest.raises(error):
        model.locate(tokens, text, **options)  # type: ignore[arg-type]


def test_a_model_that_judges_no_text_is_refused_by_name(
    shapes: tuple[Runtime, VisualTokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokens = shapes
    opened = model._opened
    monkeypatch.setattr(opened, "config", dataclasses.replace(opened.config, heads=("visual",)))
    with pytest.raises(ModelError, match="judge whether a text belongs") as raised:
        model.locate(tokens, "red")
    assert "conse" in str(raised.value.allowed)


def test_clear_hits_reach_half_of_the_best(shapes: tuple[Runtime, VisualTokens]) -> None:
    model, _ = shapes
    hits = tuple(Hit(start_s=at, end_s=at + 1, score=0.9, fit=fit) for at, fit in enumerate((8.0, 4.0, 3.9)))
    found = Located(
        text="x",
        hits=hits,
        method="meaning",
        calibrated=True,
        percentile=None,
        out_of_domain=False,
        origin=model.origin,
    )
    assert found.clear == hits[:2]
    assert len(found) == 3
