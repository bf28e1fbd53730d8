"""Which untrained parts an answer rests on, by what was asked and what went in; every family tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.small_conse import CONFIG as CONSE
from tests.small_milnce import CONFIG as MILNCE
from tests.small_next_token import CONFIG as NEXT_TOKEN
from tests.small_univl import config_of as univl

from videobert.families.registry import FAMILIES, capabilities_of
from videobert.families.untrained import untrained_behind
from videobert.model.config import ModelConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import stage_specs

ALL = ("visual_tokens", "backbone", "alignment_head", "visual_head", "text_head", "encoder", "size_head")
JOINT = ModelConfig(
    name="tiny",
    words=9,
    visual_tokens=4,
    untrained=ALL,
    questions={
        "colour": QuestionConfig(labels=("red", "blue"), templates=("a [MASK] one",)),
        "size": QuestionConfig(labels=("small", "large"), answered_by="features"),
        "any": QuestionConfig(labels=("small", "other"), answered_by="groups", of="size", groups=((0,), (1,))),
    },
)


@pytest.mark.parametrize(
    ("asked", "given", "parts"),
    [
        (["fills_words"], {"text": True}, "text_head encoder"),
        (["fills_words"], {"text": True, "video": True}, "visual_tokens backbone text_head encoder"),
        (["fills_moments"], {"text": True, "video": True}, "visual_tokens backbone visual_head encoder"),
        (["aligns"], {"text": True, "video": True}, "visual_tokens backbone alignment_head encoder"),
        (["embeds"], {"text": True}, "encoder"),
        (["embeds"], {"video": True}, "visual_tokens backbone encoder"),
        ([], {"video": True}, "backbone"),
        ([], {"video": True, "questions": ["size"]}, "backbone size_head"),
        ([], {"video": True, "questions": ["any"]}, "backbone size_head"),
        ([], {"video": True, "questions": ["colour"]}, "visual_tokens backbone text_head encoder"),
    ],
)
def test_a_joint_model(asked: list[Any], given: dict[str, Any], parts: str) -> None:
    assert untrained_behind(JOINT, *asked, **given) == tuple(parts.split())


def test_a_trained_model_has_none() -> None:
    trained = replace(JOINT, untrained=())
    assert untrained_behind(trained, "aligns", text=True, video=True) == ()
    head = replace(JOINT, untrained=("alignment_head",))
    assert untrained_behind(head, "fills_words", text=True, video=True) == ()
    assert untrained_behind(head, "aligns", text=True, video=True) == ("alignment_head",)


def test_a_model_of_labels_and_texts() -> None:
    config = replace(CONSE, untrained=("text_encoder", "colour_head", "light_classifier"))
    assert untrained_behind(config, "embeds", text=True) == ("text_encoder",)
    assert untrained_behind(config, "aligns", text=True, video=True) == ("text_encoder", "colour_head")
    assert untrained_behind(config, video=True, questions=["light", "any"]) == ("colour_head", "light_classifier")


@pytest.mark.parametrize("config", [JOINT, CONSE, univl(), MILNCE, NEXT_TOKEN], ids=lambda config: config.family)
def test_parts_are_stages_or_visual_tokens(config: ModelConfig) -> None:
    known = {spec.name for spec in stage_specs(config, Recipe())} | {"visual_tokens"}
    told = FAMILIES[config.family].parts(config)
    for capability in capabilities_of(config):
        parts = told[capability]
        assert {*parts.always, *parts.text, *parts.video} <= known
        assert parts.always or parts.text


def test_every_family_tells_its_parts() -> None:
    for name, family in FAMILIES.items():
        assert hasattr(family, "parts"), f"the family {name} does not tell what its capabilities rest on"
