"""Recipes: only whole and sane ones are taken, above all from a file of unknown origin."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from videobert.errors import ModelError
from videobert.recipe import Recipe


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(fps=Fraction(30_000, 1001), frames=1024, stride=5)])
def test_a_recipe_comes_back_from_json(recipe: Recipe) -> None:
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize("fps", ["1e999999999", "1e9", "20.5", "-20", "0", "20/0", "1/10000000000", "x", [20]])
def test_a_rate_of_the_wrong_form_is_refused(fps: Any) -> None:
    with pytest.raises(ModelError, match=r"recipe"):
        Recipe.from_json(Recipe().to_json() | {"fps": fps})
