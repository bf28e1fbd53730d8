"""Which backbones a model can have, and how long their features can be."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from videobert.base.errors import ModelError
from videobert.model.backbone_kinds import NAMES, BackboneKind, why_not_feature_dim
from videobert.model.config import BackboneConfig, ModelConfig

CONFIG = ModelConfig(name="m", words=9, visual_tokens=4)


def test_every_kind_has_a_name() -> None:
    assert set(NAMES) == set(get_args(BackboneKind))


@pytest.mark.parametrize(
    "backbone",
    [
        BackboneConfig(kind="s3dg"),
        BackboneConfig(kind="s3dg", width=0.125, feature_dim=64),
        BackboneConfig(kind="resnet50", feature_dim=2048),
        BackboneConfig(kind="resnet101", width=0.5, feature_dim=1024),
        BackboneConfig(kind="resnet152", width=0.01, feature_dim=32),
    ],
)
def test_lengths_that_the_networks_have_are_taken(backbone: BackboneConfig) -> None:
    config = dataclasses.replace(CONFIG, backbone=backbone)
    assert ModelConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("backbone", "allowed"),
    [
        (BackboneConfig(kind="s3dg", feature_dim=1020), "a multiple of 8"),
        (BackboneConfig(kind="resnet50"), "2048 at backbone.width 1"),
        (BackboneConfig(kind="resnet152", width=0.25, feature_dim=2048), "512 at backbone.width 0.25"),
    ],
)
def test_others_are_a_model_error_that_says_which(backbone: BackboneConfig, allowed: str) -> None:
    assert why_not_feature_dim(backbone.kind, backbone.width, backbone.feature_dim) == allowed
    with pytest.raises(ModelError, match=rf"backbone\.feature_dim is out of range.*allowed: {allowed}"):
        ModelConfig.from_json(dataclasses.replace(CONFIG, backbone=backbone).to_json())
