"""S3D-G against a plain network in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.modeling.models.backbones.lively import enliven, near
from tests.modeling.models.plain_milnce import video_feature
from torch import Tensor

from videobert.base.errors import InputError, ModelError
from videobert_modeling.models import S3DG


def _clips(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(9).random(shape)).float()


@pytest.fixture(scope="module")
def narrow() -> S3DG:
    torch.manual_seed(0)
    model = S3DG(0.125, 64)
    enliven(model)
    return model


def test_names_and_shapes_are_those_of_the_published_network(milnce_state: dict[str, Tensor]):
    with torch.device("meta"):
        state = S3DG().state_dict()
    theirs = {n: t.shape for n, t in milnce_state.items() if not n.startswith(("fc.", "text_module."))}
    assert {name: tensor.shape for name, tensor in state.items()} == theirs


# 200 pixels are 25 before the pool of 3 x 3 x 3, an odd size; 46 and 58 are odd after the stem; 2 is the least.
@pytest.mark.parametrize("size", [(16, 200, 200), (10, 46, 58), (2, 2, 2), (32, 34, 18)])
def test_it_is_the_plain_network_whatever_the_size(narrow: S3DG, size: tuple[int, int, int]):
    clips = _clips(1, 3, *size)
    with torch.inference_mode():
        near(narrow(clips), video_feature(narrow.state_dict(), clips))


def test_the_published_width_is_the_plain_network(milnce_state: dict[str, Tensor]):
    model = S3DG().eval()
    model.load_state_dict({name: milnce_state[name] for name in model.state_dict()})
    clips = _clips(2, 3, 6, 40, 54)
    with torch.inference_mode():
        near(model(clips), video_feature(milnce_state, clips))


def test_a_clip_has_the_same_feature_alone_and_beside_others(narrow: S3DG):
    clips = _clips(3, 3, 8, 40, 40)
    with torch.inference_mode():
        together = narrow(clips)
        near(together, torch.cat([narrow(clips[i : i + 1]) for i in range(3)]).double(), 1e-6)


def test_bf16_is_as_near_as_the_plain_network_in_bf16(narrow: S3DG):
    clips = _clips(2, 3, 8, 40, 40)
    exact = video_feature(narrow.state_dict(), clips)
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            ours = narrow(clips).double()
        rounded = {name: tensor.bfloat16() for name, tensor in narrow.state_dict().items()}
        in_bf16 = S3DG(0.125, 64).eval().bfloat16()
        in_bf16.load_state_dict(rounded)
        plain = in_bf16(clips.bfloat16()).double()
    assert (ours - exact).square().mean().sqrt() <= 2 * (plain - exact).square().mean().sqrt()


@pytest.mark.parametrize("size", [(15, 200, 200), (16, 201, 200), (16, 200, 199)])
def test_an_odd_size_is_an_input_error(narrow: S3DG, size: tuple[int, int, int]):
    with pytest.raises(InputError, match=r"even sizes only.*even numbers of frames"):
        narrow(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(("width", "given", "feature_dim"), [(1.0, None, 1024), (0.5, None, 512), (0.25, 1024, 1024)])
def test_feature_length_follows_width_unless_given(width: float, given: int | None, feature_dim: int):
    with torch.device("meta"):
        assert S3DG(width, given).feature_dim == feature_dim


@pytest.mark.parametrize("feature_dim", [0, 60])
def test_an_impossible_feature_length_is_a_model_error(feature_dim: int):
    with pytest.raises(ModelError, match=str(feature_dim)):
        S3DG(0.25, feature_dim)
