"""S3D against outputs of torchvision's network on weights filled from their names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from videobert.base.errors import InputError, ModelError
from videobert_modeling.models import S3D

VECTORS = Path(__file__).parents[2] / "vectors"
SHAPES: dict[str, list[int]] = json.loads((VECTORS / "torchvision_s3d.json").read_text())


@pytest.fixture(scope="module")
def published(torchvision_state: dict[str, torch.Tensor]) -> S3D:
    model = S3D(classes=400)
    model.load_state_dict(torchvision_state)
    return model.eval()


def test_names_and_shapes_are_those_of_torchvision():
    with torch.device("meta"):
        state = S3D(classes=400).state_dict()
    assert {name: list(tensor.shape) for name, tensor in state.items()} == SHAPES


def test_outputs_match_torchvision(published: S3D):
    expected = np.load(VECTORS / "torchvision_s3d.npz")
    clips = np.random.default_rng(7).standard_normal((2, 3, 30, 224, 224)).astype(np.float32)
    with torch.inference_mode():
        # channels last: the layout that training and the engine use, and the faster one here
        model = published.to(memory_format=torch.channels_last_3d)
        pooled = model.pooled(torch.from_numpy(clips).contiguous(memory_format=torch.channels_last_3d))
        feature = pooled.mean(2)
        logits = model.logits(feature)
    for name, ours in {"pooled": pooled, "feature": feature, "logits": logits}.items():
        assert ours.shape == expected[name].shape
        scale = np.abs(expected[name]).max()
        assert np.abs(ours.numpy() - expected[name]).max() <= 1e-5 * scale, name


def test_forward_is_the_mean_over_time_of_pooled():
    torch.manual_seed(0)
    model = S3D(0.25).eval()
    clips = torch.randn(2, 3, 30, 48, 48)
    with torch.inference_mode():
        pooled = model.pooled(clips)
        assert pooled.shape == (2, model.feature_dim, 3)
        assert torch.equal(model(clips), pooled.mean(2))


@pytest.mark.parametrize(("width", "given", "feature_dim"), [(1.0, None, 1024), (0.5, None, 512), (0.25, 1024, 1024)])
def test_feature_length_follows_width_unless_given(width: float, given: int | None, feature_dim: int):
    with torch.device("meta"):
        model = S3D(width, given)
    assert model.feature_dim == feature_dim
    widths = [m.out_channels for m in model.modules() if isinstance(m, nn.Conv3d)]
    assert all(size % 8 == 0 for size in widths)


@pytest.mark.parametrize("crop", [32, 96, 100])
def test_any_crop_and_the_shortest_clip_work(crop: int):
    with torch.inference_mode():
        assert S3D(0.25, 64).eval()(torch.randn(1, 3, 14, crop, crop)).shape == (1, 64)


def test_a_clip_that_is_too_short_is_an_input_error():
    with pytest.raises(InputError, match="13 frames"):
        S3D(0.25, 64)(torch.randn(1, 3, 13, 32, 32))


@pytest.mark.parametrize("feature_dim", [0, 60])
def test_an_impossible_feature_length_is_a_model_error(feature_dim: int):
    with pytest.raises(ModelError, match=str(feature_dim)):
        S3D(0.25, feature_dim)


def test_logits_without_a_classifier_is_a_model_error():
    with pytest.raises(ModelError, match="no classifier"):
        S3D(0.25, 64).logits(torch.zeros(1, 64))


def test_bf16_channels_last_trains():
    # Of one frame after the pools, torch's gradient of a bf16 kernel over time is not finite now and then.
    torch.manual_seed(0)
    model = S3D(0.25, 64, 4, norm_momentum=0.1).to(memory_format=torch.channels_last_3d)
    clips = torch.randn(2, 3, 30, 64, 64).contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast("cpu", torch.bfloat16):
        loss = nn.functional.cross_entropy(model.logits(model(clips)).float(), torch.tensor([0, 1]))
    loss.backward()
    grads = [p.grad for p in model.parameters()]
    assert all(g is not None and torch.isfinite(g).all() for g in grads)
    mean = model.get_buffer("features.0.0.1.running_mean")
    assert mean.abs().max() > 0
