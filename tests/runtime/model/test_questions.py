"""Questions in `config.json`: what answers them, and what of them is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.small_conse import CONFIG, RECIPE

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert.model.questions import QuestionConfig, question_stage
from videobert.model.stage_lists import stage_names, stage_specs

FIELDS = CONFIG.to_json()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The fields of a configuration with one of them changed, or taken away by None as the value `...`."""
    fields: dict[str, Any] = ModelConfig.from_json(FIELDS).to_json()
    place = fields
    *inner, last = path.split(".")
    for name in inner:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return fields


def test_each_answerer_has_its_stage() -> None:
    assert question_stage("colour", CONFIG.questions["colour"]) == "colour_head"
    assert question_stage("light", CONFIG.questions["light"]) == "light_classifier"
    assert question_stage("any", CONFIG.questions["any"]) is None
    assert question_stage("motion", QuestionConfig(templates=("it [MASK]",), labels=("red",))) is None


def test_stages_are_in_the_order_in_which_data_passes() -> None:
    seen = ("backbone", "shot_boundaries", "colour_head", "light_classifier", "text_encoder")
    assert stage_names(CONFIG, gpu=False) == seen
    without = dataclasses.replace(CONFIG, shots=None)
    assert "shot_boundaries" not in stage_names(without, gpu=True)


def test_a_learned_question_stands_beside_a_joint_encoder() -> None:
    questions = {"trick": QuestionConfig(labels=("a", "b"), answered_by="features")}
    config = ModelConfig(name="m", words=50, visual_tokens=20, questions=questions)
    specs = {spec.name: spec for spec in stage_specs(config, RECIPE)}
    assert [tensor.shape for tensor in specs["trick_head"].outputs] == [(-1, 2)]
    assert list(specs)[-4:] == ["encoder", "text_head", "visual_head", "alignment_head"]


def test_a_classifiers_codebook_is_one_wider_than_features() -> None:
    assert CONFIG.codebook_dim == CONFIG.backbone.feature_dim + 1
    specs = {spec.name: spec for spec in stage_specs(CONFIG, RECIPE)}
    assert [tensor.shape for tensor in specs["nearest"].inputs] == [(-1, 5), (3, 5), (3,)]
    assert specs["backbone"].outputs[0].shape == (-1, 4)


def test_what_says_nothing_is_left_out_of_the_file() -> None:
    plain = ModelConfig(name="m", words=50, visual_tokens=20)
    assert {"token_question", "text_space", "shots"}.isdisjoint(plain.to_json())
    assert set(FIELDS["questions"]["light"]) == {"labels", "answered_by"}
    assert ModelConfig.from_json(FIELDS) == CONFIG


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("questions.colour.answered_by", "magic", "questions.colour.answered_by"),
        ("questions.colour.labels", [], "questions.colour.labels"),
        ("questions.colour.labels", ["red", "red", "blue"], "questions.colour.labels"),
        ("questions.colour.templates", ["a [MASK]"], "questions.colour.templates"),
        ("questions.colour.abstain.temperature", 0, "abstain.temperature"),
        ("questions.colour.abstain.temperature", float("nan"), "abstain.temperature"),
        ("questions.colour.abstain.energy_at_least", "x", "abstain.energy_at_least"),
        ("questions.colour.abstain.probability_at_least", 1.5, "abstain.probability_at_least"),
        ("questions.any.of", "light2", "questions.any.of"),
        ("questions.any.of", ..., "questions.any.of"),
        ("questions.any.groups", [[0], [3]], "questions.any.groups"),
        ("questions.any.groups", [[0]], "questions.any.groups"),
        ("questions.any.groups", [[0], []], "questions.any.groups"),
        ("questions.light.of", "colour", "questions.light.of"),
        ("questions.light.groups", [[0]], "questions.light.groups"),
        ("token_question", "light", "token_question"),
        ("token_question", "nothing", "token_question"),
        ("visual_tokens", 4, "visual_tokens"),
        ("text_space", ..., "text_space"),
        ("text_space.question", "light", "text_space.question"),
        ("text_space.label_templates", [], "text_space.label_templates"),
        ("text_space.query_templates", ["a label"], "text_space.query_templates"),
        ("text_space.top", 0, "text_space.top"),
        ("text_space.cosine_scale", 0, "text_space.cosine_scale"),
        ("text_space.unsure_penalty", -1, "text_space.unsure_penalty"),
        ("shots.kind", "other", "shots.kind"),
        ("shots.probability_at_least", 1, "shots.probability_at_least"),
        ("heads", ["text"], "heads"),
        ("family", "bert", "family"),
        ("backbone.kind", "vgg", "backbone.kind"),
    ],
)
def test_what_cannot_be_is_refused(path: str, value: Any, named: str) -> None:
    with pytest.raises(ModelError) as refused:
        ModelConfig.from_json(changed(path, value))
    assert named in refused.value.what
    assert refused.value.fix


@pytest.mark.parametrize("name", ["text", "visual", "alignment", "Two words", "2nd", "a" * 65, ""])
def test_a_name_that_no_stage_can_have_is_refused(name: str) -> None:
    fields = changed("questions.light", ...)
    fields["questions"][name] = {"labels": ["a"], "answered_by": "features"}
    with pytest.raises(ModelError, match="questions is out of range"):
        ModelConfig.from_json(fields)
