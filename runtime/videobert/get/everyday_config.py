"""Configuration and recipe of `everyday`: constants from `data/`, which say on what they were set in the card."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from videobert.get.label_files import kinetics400, read_labels
from videobert.get.layouts import minilm
from videobert.model.config import BackboneConfig, ModelConfig, ShotsConfig, TextSpaceConfig
from videobert.model.questions import AbstainConfig, QuestionConfig
from videobert.model.recipe import Recipe

DATA = Path(__file__).with_name("data")
ACTION, OBJECT = "action", "object"
FEATURE_DIM = 1024


def everyday_config(name: str) -> ModelConfig:
    """The configuration of `everyday` or `everyday-best`.

    Labels of `action` are the Kinetics-400 classes in DeepMind's order, which is the classifier's; visual token i is
    label i. Labels of `object` are the ImageNet-1k classes in the order of their WordNet numbers.
    """
    fields = _settings()
    actions = kinetics400()
    questions = {
        ACTION: QuestionConfig(
            labels=actions, answered_by="features", abstain=AbstainConfig(**fields["abstain"][ACTION])
        ),
        OBJECT: QuestionConfig(
            labels=read_labels(DATA / "imagenet1k.txt"),
            answered_by="pictures",
            abstain=AbstainConfig(**fields["abstain"][OBJECT]),
        ),
    }
    space: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fields["text_space"].items()
    }
    return ModelConfig(
        name=name,
        family="conse",
        words=minilm.WORDS,
        visual_tokens=len(actions),
        backbone=BackboneConfig(kind="i3d", feature_dim=FEATURE_DIM),
        encoder=minilm.SIZES,
        heads=(),
        alignment_pooler=False,
        questions=questions,
        token_question=ACTION,
        text_space=TextSpaceConfig(question=ACTION, **space),
        shots=ShotsConfig(**fields["shots"]),
    )


def everyday_recipe(name: str) -> Recipe:
    """How pixels become a clip in `everyday` or `everyday-best`."""
    fields = _settings()
    return Recipe(**(fields["recipe"] | fields["recipes"][name]))


@cache
def _settings() -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((DATA / "everyday.json").read_text(encoding="utf-8"))
    return fields
