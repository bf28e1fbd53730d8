"""The model everyday: what ships for it fits together, and what was got of it is what it should be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from tests.real_everyday import needs_everyday

from videobert.base.errors import ModelError
from videobert.get import everyday, everyday_config
from videobert.get.catalogue import OBTAINABLE
from videobert.get.everyday_card import write_card
from videobert.get.shipped_templates import shipped_templates
from videobert.model.card import read_card
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder, backbone_hash, find
from videobert.model.graph_files import portable_graph
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import stage_names
from videobert.model.weights_file import backbone_of
from videobert.visual.codebook import Codebook

NAMES = [model.name for model in OBTAINABLE]


@pytest.mark.parametrize("name", NAMES)
def test_configuration_and_recipe_are_sound(name: str) -> None:
    config = everyday_config.everyday_config(name)
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert config.name == name
    assert list(config.questions)[:2] == ["action", "object"]
    assert [len(config.questions[question].labels) for question in ("action", "object")] == [400, 1000]
    assert config.questions["action"].labels[::399] == ("abseiling", "zumba")
    recipe = everyday_config.everyday_recipe(name)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert (recipe.short_side, recipe.crop) == (256, 224)
    # −1 to 1, as the backbone was trained.
    assert (recipe.mean, recipe.std) == ((0.5,) * 3, (0.5,) * 3)


def test_the_best_sees_the_longest_clips() -> None:
    best = everyday_config.everyday_recipe("everyday-best")
    assert (best.frames, best.fps) == (64, 25)
    assert everyday_config.everyday_recipe("everyday").frames < 64


@pytest.mark.parametrize("name", NAMES)
def test_a_template_ships_for_every_stage(name: str) -> None:
    config = everyday_config.everyday_config(name)
    assert {portable_graph(stage) for stage in stage_names(config, gpu=False)} <= set(shipped_templates(config))


def test_the_edition_names_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everyday.edition.__wrapped__()
    assert before == everyday.edition.__wrapped__() == everyday.edition()
    monkeypatch.setattr(everyday, "TEMPLATES", tmp_path)
    changed = everyday.edition.__wrapped__()
    assert changed != before
    (tmp_path / "other.template").write_bytes(b"1")
    assert everyday.edition.__wrapped__() != changed


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_whose_weights_these_are(name: str, tmp_path: Path) -> None:
    (model,) = (each for each in OBTAINABLE if each.name == name)
    config, recipe = everyday_config.everyday_config(name), everyday_config.everyday_recipe(name)
    write_card(tmp_path / "README.md", model, config, recipe)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "{" not in text
    for source in model.sources:
        assert f"`{source.package}` {source.version} | {source.licence}" in text
    card = read_card(text)
    assert card.licence is not None
    assert "Apache-2.0" in card.licence
    assert len(card.limits) >= 3


def test_what_fits_no_float16_is_refused() -> None:
    stored = everyday._stored({"matrix": np.full((2, 2), 1 / 3, np.float32), "row": np.full(2, 1 / 3, np.float32)})
    assert {name: value.dtype for name, value in stored.items()} == {"matrix": np.float16, "row": np.float32}
    for value in (np.nan, np.inf, 70_000.0):
        with pytest.raises(ModelError, match="weight holds NaN, infinity or a value too large for float16"):
            everyday._stored({"weight": np.array([[1, value]], np.float32)})
    assert everyday._stored({"row": np.array([70_000.0], np.float32)})["row"] == 70_000.0
    with pytest.raises(ModelError, match="row holds NaN"):
        everyday._stored({"row": np.array([np.nan], np.float32)})


def test_safetensors_that_are_none_are_an_error() -> None:
    with pytest.raises(ModelError, match="safetensors cannot be read"):
        everyday._texts(b"\x10" + bytes(100))


@pytest.fixture(scope="module")
def got() -> ModelFolder:
    return ModelFolder("everyday")


@needs_everyday
def test_what_was_got_is_whole_and_of_this_edition(got: ModelFolder) -> None:
    got.verify()
    assert json.loads(got.read("sources.json"))["edition"] == everyday.edition()
    assert got.config == everyday_config.everyday_config("everyday")
    assert got.recipe == everyday_config.everyday_recipe("everyday")
    assert not [path for path in got.root.parent.glob(".everyday.*")]


@needs_everyday
def test_its_licences_lie_beside_the_weights(got: ModelFolder) -> None:
    for source in OBTAINABLE[0].sources:
        licence = got.read(f"licenses/{source.package}/LICENSE")
        assert hashlib.sha256(licence).hexdigest() == source.members["licence"].sha256
    assert b"Apache License" in got.read("licenses/apache-2.0.txt")


@needs_everyday
def test_the_nearest_leaf_is_the_classifiers_first_answer(got: ModelFolder) -> None:
    from safetensors import safe_open

    codebook = Codebook.load(got.path("codebook.safetensors"))
    assert codebook.backbone_hash == got.backbone_hash()
    assert codebook.backbone_hash == backbone_hash(backbone_of(got.path("model.safetensors"), fix=""))
    with safe_open(got.path("model.safetensors"), framework="numpy") as file:
        weight = file.get_tensor("feature_heads.action.weight").astype(np.float64)
        bias = file.get_tensor("feature_heads.action.bias").astype(np.float64)
    features = np.maximum(np.random.default_rng(0).normal(0.3, 0.5, (2000, 1024)), 0).astype(np.float32)
    logits = features.astype(np.float64) @ weight.T + bias
    ids, _ = codebook.assign(features)
    differing = ids != logits.argmax(axis=1)
    ordered = np.sort(logits, axis=1)
    # Leaves are float32: where two logits are as near as that, either may come first.
    assert not (differing & (ordered[:, -1] - ordered[:, -2] > 1e-3)).any()
    assert differing.mean() < 0.005


@needs_everyday
def test_it_is_loaded_by_its_name() -> None:
    import videobert

    with videobert.load("everyday") as model:
        found = model.embed(text="someone is cooking")
    assert found.vector is not None
    assert np.isfinite(np.asarray(found.vector)).all()
    assert find("everyday") == find("everyday")
