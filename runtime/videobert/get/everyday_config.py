"""Configuration and recipe of `everyday`: constants from `data/`, which say on what they were set in the card."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from videobert.get.label_files import imagenet1k, kinetics400
from videobert.get.layouts import minilm
from videobert.get.object_superclasses import object_superclasses
from videobert.model.config import BackboneConfig, ModelConfig, ShotsConfig, TextSpaceConfig
from videobert.model.questions import AbstainConfig, QuestionConfig
from videobert.model.recipe import Recipe

DATA = Path(__file__).with_name("data")
ACTION, OBJECT, KIND = "action", "object", "kind"
FEATURE_DIM = 1024


def everyday_config(name: str) -> ModelConfig:
    """The configuration of `everyday` or `everyday-best`.

    Labels of `action` are the Kinetics-400 classes in DeepMind's order, which is the classifier's; visual token i is
    label i. Labels of `object` are the ImageNet-1k classes in the order of their WordNet numbers, those of `kind` what
    several of them are.
    """
    fields = _settings()
    own = fields["models"][name]
    actions, objects = kinetics400(), imagenet1k()
    kinds = object_superclasses()
    place = {label: number for number, label in enumerate(objects)}
    gate = AbstainConfig(**fields[OBJECT])
    questions = {
        ACTION: QuestionConfig(labels=actions, answered_by="features", abstain=AbstainConfig(**own[ACTION])),
        OBJECT: QuestionConfig(labels=objects, answered_by="pictures", abstain=gate),
        KIND: QuestionConfig(
            labels=tuple(kinds),
            answered_by="groups",
            of=OBJECT,
            groups=tuple(tuple(place[label] for label in labels) for labels in kinds.values()),
            abstain=AbstainConfig(probability_at_least=gate.probability_at_least),
        ),
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
        window_clips=1,
        questions=questions,
        token_question=ACTION,
        text_space=TextSpaceConfig(
            question=ACTION,
            label_texts=tuple(_texts_of(action) for action in actions),
            query_templates=tuple(fields["text_space"]["query_templates"]),
            top=fields["text_space"]["top"],
            **own["text_space"],
        ),
        shots=ShotsConfig(**fields["shots"]),
    )


def everyday_recipe(name: str) -> Recipe:
    """How pixels become a clip in `everyday` or `everyday-best`."""
    fields = _settings()
    return Recipe(**(fields["recipe"] | fields["models"][name]["recipe"]))


def _texts_of(action: str) -> tuple[str, ...]:
    """What stands for an action in the text encoder: it takes "clean and jerk" for cleaning, and is told what it is."""
    known = _readings()[action]
    reading, group = known["reading"], known["group"]
    return action, reading, f"{reading} ({group})", group


@cache
def _settings() -> dict[str, Any]:
    return _json("everyday.json")


@cache
def _readings() -> dict[str, Any]:
    return _json("action_readings.json")


def _json(name: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return fields
