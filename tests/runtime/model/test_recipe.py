"""Recipes: only whole and sane ones are taken, above all from a file of unknown origin."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from videobert.base.errors import ModelError
from videobert.model.recipe import Recipe


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(fps=Fraction(30_000, 1001), frames=1024, stride=5)])
def test_a_recipe_comes_back_from_json(recipe: Recipe) -> None:
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize("fps", ["1e999999999", "1e9", "20.5", "-20", "0", "20/0", "1/10000000000", "x", [20]])
def test_a_rate_of_the_wrong_form_is_refused(fps: Any) -> None:
    with pytest.raises(ModelError, match=r"recipe"):
        Recipe.from_json(Recipe().to_json() | {"fps": fps})


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 30.0},
        {"crop": 112.0},
        {"short_side": 112.0},
        {"stride": 2.0},
        {"stride": True},
        {"version": 1.0},
        {"fps": True},
        {"fps": float("inf")},
        {"fps": "1/100001"},
        {"fps": "1/3000"},  # a clip of 90,000 s
        {"fps": 1e-300},
        {"frames": 1024, "short_side": 512, "crop": 512},
        {"mean": "0.4"},
        {"mean": ["0.4", 0.4, 0.4]},
        {"std": [float("nan"), 0.2, 0.2]},
    ],
    ids=str,
)
def test_a_field_of_the_wrong_kind_or_size_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"recipe"):
        Recipe.from_json(Recipe().to_json() | change)


def test_the_longest_and_largest_clips_are_taken() -> None:
    assert Recipe(fps=Fraction(30, 86_400)).clip_duration_s == 86_400
    assert Recipe(frames=1024, short_side=256, crop=256).frames == 1024


# Of models that are out there: not a byte of it may change.
FIRST_VERSION = (
    '{"version": 1, "fps": "20", "frames": 30, "stride": 1, "short_side": 112, "crop": 112, "frame_choice": '
    '"latest-at-or-before", "tail": "repeat-last", "resize_filter": "triangle", "colour": "planes-then-stream-matrix", '
    '"chroma_siting": "left", "fields": "weave", "rotation": "apply", "mean": [0.43216, 0.394666, 0.37645], "std": '
    "[0.22803, 0.22145, 0.216989]}"
)
AS_IT_COMES = Recipe(version=2, fields="top", sample_aspect="apply", transfer="tone-map-bt709")


def test_version_1_is_written_as_ever() -> None:
    assert json.dumps(Recipe().to_json()) == FIRST_VERSION
    assert (Recipe().hash, Recipe().clip_hash) == ("5b5eb5b7c8173143", "e0efdd08665d1d7b")
    assert Recipe.from_json(json.loads(FIRST_VERSION)) == Recipe()


def test_version_2_names_what_it_asks_for() -> None:
    written = AS_IT_COMES.to_json()
    assert set(written) - set(Recipe().to_json()) == {"sample_aspect", "transfer"}
    assert Recipe.from_json(json.loads(json.dumps(written))) == AS_IT_COMES
    hashes = {AS_IT_COMES.clip_hash, Recipe().clip_hash}
    for name in ("fields", "sample_aspect", "transfer"):
        hashes.add(AS_IT_COMES.replace(**{name: getattr(Recipe(), name)}).clip_hash)
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("name", "value"), [("fields", "top"), ("sample_aspect", "apply"), ("transfer", "tone-map-bt709")]
)
def test_version_1_has_none_of_the_choices_of_version_2(name: str, value: str) -> None:
    with pytest.raises(ModelError, match=rf"{name}.*version 2"):
        Recipe(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"recipe"):
        Recipe.from_json(Recipe().to_json() | {name: value})


@pytest.mark.parametrize("name", ["fields", "sample_aspect", "transfer"])
@pytest.mark.parametrize("value", ["", "bottom", None, 1, ["top"]])
def test_a_choice_that_nobody_knows_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ModelError, match=f"recipe field {name}"):
        Recipe.from_json(AS_IT_COMES.to_json() | {name: value})


def test_a_version_goes_with_its_fields() -> None:
    with pytest.raises(ModelError, match="does not have the fields"):
        Recipe.from_json(Recipe().to_json() | {"version": 2})
    with pytest.raises(ModelError, match="does not have the fields"):
        Recipe.from_json(AS_IT_COMES.to_json() | {"version": 1})
    with pytest.raises(ModelError, match="1 or 2"):
        Recipe.from_json(AS_IT_COMES.to_json() | {"version": 3})
