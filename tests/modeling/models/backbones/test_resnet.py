"""ResNet against a plain network in float64."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from tests.modeling.models.backbones.lively import enliven, near
from tests.modeling.models.backbones.plain_resnet import DEPTHS, frame_features, logits
from torch import Tensor

from videobert.base.errors import ModelError
from videobert_modeling.models import ResNet


def _clips(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(8).standard_normal(shape)).float()


def _theirs(model: ResNet) -> dict[str, Tensor]:
    """The classifier under torchvision's name; all else is called alike."""
    return {name.replace("classifier.", "fc."): tensor for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def narrow() -> ResNet:
    torch.manual_seed(0)
    model = ResNet(50, 0.125, classes=7)
    enliven(model)
    return model


def test_names_and_shapes_are_those_of_torchvision(resnet50_state: dict[str, Tensor]):
    with torch.device("meta"):
        state = _theirs(ResNet(50, classes=1000))
    assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in resnet50_state.items()}


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_a_deeper_one_has_more_blocks_of_the_same(depth: Literal[50, 101, 152]):
    torch.manual_seed(0)
    model = ResNet(depth, 0.125, classes=3)
    enliven(model)
    assert len(model.state_dict()) == 6 + 4 * 6 + 18 * sum(DEPTHS[depth]) + 2
    clips = _clips(1, 3, 2, 33, 50)
    with torch.inference_mode():
        near(model.pooled(clips)[0].T, frame_features(_theirs(model), clips[0], depth))


def test_the_published_width_is_the_plain_network(resnet50_state: dict[str, Tensor]):
    model = ResNet(50, classes=1000).eval()
    model.load_state_dict({n.replace("fc.", "classifier."): t for n, t in resnet50_state.items()})
    clips = _clips(1, 3, 2, 64, 48)
    plain = frame_features(resnet50_state, clips[0])
    with torch.inference_mode():
        near(model(clips)[0], plain.mean(0))
        near(model.logits(model(clips))[0], logits(resnet50_state, plain).mean(0), 1e-4)


@pytest.mark.parametrize("size", [(224, 224), (1, 1), (65, 31)])
def test_any_picture_works(narrow: ResNet, size: tuple[int, int]):
    clips = _clips(1, 3, 1, *size)
    with torch.inference_mode():
        near(narrow.pooled(clips)[0].T, frame_features(_theirs(narrow), clips[0]))


def test_the_logits_of_the_mean_feature_are_the_mean_of_the_logits(narrow: ResNet):
    clips = _clips(2, 3, 5, 40, 40)
    with torch.inference_mode():
        pooled, feature = narrow.pooled(clips), narrow(clips)
        assert pooled.shape == (2, 256, 5)
        near(feature, pooled.double().mean(2))
        near(narrow.logits(feature), narrow.logits(pooled).double().mean(2))


def test_a_clip_has_the_same_feature_alone_and_beside_others(narrow: ResNet):
    clips = _clips(3, 3, 4, 40, 40)
    with torch.inference_mode():
        near(narrow(clips), torch.cat([narrow(clips[i : i + 1]) for i in range(3)]).double(), 1e-6)


def test_bf16_is_as_near_as_the_plain_network_in_bf16(narrow: ResNet):
    clips = _clips(2, 3, 2, 64, 64)
    exact = torch.stack([frame_features(_theirs(narrow), clip).mean(0) for clip in clips])
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            ours = narrow(clips).double()
        in_bf16 = ResNet(50, 0.125, classes=7).eval().bfloat16()
        in_bf16.load_state_dict(narrow.state_dict())
        plain = in_bf16(clips.bfloat16()).double()
    assert (ours - exact).square().mean().sqrt() <= 2 * (plain - exact).square().mean().sqrt()


@pytest.mark.parametrize(("width", "feature_dim"), [(1.0, 2048), (0.5, 1024), (0.125, 256)])
def test_feature_length_follows_width(width: float, feature_dim: int):
    with torch.device("meta"):
        assert ResNet(101, width).feature_dim == ResNet(50, width, feature_dim).feature_dim == feature_dim
        with pytest.raises(ModelError, match=rf"got 1000; allowed: {feature_dim}, which follows"):
            ResNet(50, width, 1000)


def test_logits_without_a_classifier_is_a_model_error():
    with pytest.raises(ModelError, match="no classifier"):
        ResNet(50, 0.125).logits(torch.zeros(1, 256))
