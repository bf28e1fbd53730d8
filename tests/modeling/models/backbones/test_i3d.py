"""I3D against a plain network in float64, on weights filled from their names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.modeling.models.backbones.same_padded import PlainI3D
from torch import Tensor, nn

from videobert.base.errors import InputError, ModelError
from videobert_modeling.models import I3D


def _clips(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(10).uniform(-1, 1, shape)).float()


def _ours(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The port's classifier under our name; all else is called alike."""
    renamed = {name.replace("logits.conv3d.", "classifier."): tensor for name, tensor in state.items()}
    return renamed | {"classifier.weight": renamed["classifier.weight"].flatten(1)}


def _ported(model: I3D) -> dict[str, Tensor]:
    state = {name.replace("classifier.", "logits.conv3d."): tensor for name, tensor in model.state_dict().items()}
    return state | {"logits.conv3d.weight": state["logits.conv3d.weight"][:, :, None, None, None]}


def _lively(width: float, feature_dim: int | None = None, classes: int = 5) -> I3D:
    """A narrow network, with statistics and scales that matter."""
    torch.manual_seed(0)
    model = I3D(width, feature_dim, classes).eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm3d):
            for values, around in ((part.weight.data, 1.0), (part.bias.data, 0.0), (part.running_mean, 0.0)):
                assert values is not None
                values.normal_(around, 0.1)
            assert part.running_var is not None
            part.running_var.uniform_(0.8, 1.2)
    return model


def _near(ours: Tensor, plain: Tensor) -> None:
    assert ours.shape == plain.shape
    assert (ours.double() - plain).abs().max() <= 1e-5 * max(1.0, float(plain.abs().max()))


def test_names_and_shapes_are_those_of_the_port(i3d_state: dict[str, Tensor]):
    with torch.device("meta"):
        state = I3D(classes=400).state_dict()
    assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in _ours(i3d_state).items()}


def test_the_published_network_is_the_plain_one(i3d_state: dict[str, Tensor]):
    model = I3D(classes=400).eval()
    model.load_state_dict(_ours(i3d_state))
    clips = _clips(1, 3, 30, 224, 224)
    with torch.inference_mode():
        pooled = model.pooled(clips)
        logits = model.logits(pooled)
        plain = PlainI3D(i3d_state)
        steps = plain.steps(clips[0])
        _near(pooled[0], steps)
        _near(logits[0], plain.logits(steps))


@pytest.mark.parametrize("size", [(64, 224, 224), (17, 224, 200), (9, 193, 217), (12, 199, 210)])
def test_padding_follows_from_the_size_of_the_clip(size: tuple[int, int, int]):
    model = _lively(0.125)
    clips = _clips(1, 3, *size)
    with torch.inference_mode():
        _near(model.pooled(clips)[0], PlainI3D(_ported(model)).steps(clips[0]))


def test_the_feature_is_the_mean_over_time_and_its_logits_are_the_mean_of_theirs():
    model = _lively(0.125, 64)
    clips = _clips(2, 3, 24, 193, 193)
    with torch.inference_mode():
        pooled = model.pooled(clips)
        assert pooled.shape == (2, 64, 2)
        feature = model(clips)
        assert torch.equal(feature, pooled.mean(2))
        assert torch.allclose(model.logits(feature), model.logits(pooled).mean(2), atol=1e-5)
        assert torch.allclose(feature[:1], model(clips[:1]), atol=1e-5)


def test_a_larger_picture_gives_the_mean_over_its_places():
    model = _lively(0.125, 64)
    clips = _clips(1, 3, 9, 256, 224)
    with torch.inference_mode():
        maps = clips
        for name in model.order:
            maps = model.get_submodule(name)(maps)
        assert maps.shape[2:] == (2, 8, 7)
        places = [maps[:, :, :, top : top + 7].mean((2, 3, 4)) for top in (0, 1)]
        assert torch.allclose(model(clips), (places[0] + places[1]) / 2, atol=1e-5)


@pytest.mark.parametrize(("width", "given", "feature_dim"), [(1.0, None, 1024), (0.5, None, 512), (0.25, 1024, 1024)])
def test_feature_length_follows_width_unless_given(width: float, given: int | None, feature_dim: int):
    with torch.device("meta"):
        assert I3D(width, given).feature_dim == feature_dim


@pytest.mark.parametrize(
    ("size", "message"),
    [((8, 224, 224), "8 frames"), ((64, 192, 224), "224 x 192"), ((64, 224, 112), "112 x 224")],
)
def test_a_clip_that_is_too_small_is_an_input_error(size: tuple[int, int, int], message: str):
    with pytest.raises(InputError, match=message):
        I3D(0.125, 64)(torch.zeros(1, 3, *size))


@pytest.mark.parametrize("feature_dim", [0, 60])
def test_an_impossible_feature_length_is_a_model_error(feature_dim: int):
    with pytest.raises(ModelError, match=str(feature_dim)):
        I3D(0.25, feature_dim)


def test_logits_without_a_classifier_is_a_model_error():
    with pytest.raises(ModelError, match="no classifier"):
        I3D(0.125, 64).logits(torch.zeros(1, 64))
