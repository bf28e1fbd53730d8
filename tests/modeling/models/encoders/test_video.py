"""The encoder of features."""

from __future__ import annotations

import pytest
import torch
from tests.small_univl import stack

from videobert.base.errors import InputError
from videobert_modeling.models.encoders.video import VideoEncoder


def encoder(*, normalize: bool) -> VideoEncoder:
    torch.manual_seed(0)
    return VideoEncoder(stack(), 32, normalize=normalize).eval()


def test_features_are_normalized_first_where_the_configuration_says_so() -> None:
    features = torch.randn(1, 4, 32)
    module = encoder(normalize=True)
    torch.testing.assert_close(module(5 * features, torch.tensor([4])), module(features, torch.tensor([4])))
    assert "feature_norm.weight" in module.state_dict()
    plain = encoder(normalize=False)
    assert "feature_norm.weight" not in plain.state_dict()
    assert (plain(5 * features, torch.tensor([4])) - plain(features, torch.tensor([4]))).abs().max() > 0.1


def test_neither_padding_nor_the_batch_matters() -> None:
    features, module = torch.randn(2, 6, 32), encoder(normalize=True)
    together = module(features, torch.tensor([6, 3]))
    alone = module(features[1:, :3], torch.tensor([3]))
    torch.testing.assert_close(together[1, :3], alone[0], rtol=0, atol=1e-6)


def test_more_clips_than_positions_are_refused() -> None:
    with pytest.raises(InputError, match="too long"):
        encoder(normalize=True)(torch.zeros(1, 65, 32), torch.tensor([65]))
