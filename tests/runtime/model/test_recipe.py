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
