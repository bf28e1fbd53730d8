"""Statistics and scales that matter, for networks of random weights."""

from __future__ import annotations

import torch
from torch import nn


def enliven(model: nn.Module) -> None:
    """Give every BatchNorm values of its own, and put the network into evaluation."""
    for part in model.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm3d)):
            for values, around in ((part.weight.data, 1.0), (part.bias.data, 0.0), (part.running_mean, 0.0)):
                assert values is not None
                values.normal_(around, 0.1)
            assert part.running_var is not None
            part.running_var.uniform_(0.8, 1.2)
    model.eval()


def near(ours: torch.Tensor, plain: torch.Tensor, bar: float = 1e-5) -> None:
    """Within `bar` times the largest magnitude of `plain`, or times 1."""
    assert ours.shape == plain.shape
    assert (ours.double() - plain).abs().max() <= bar * max(1.0, float(plain.abs().max()))
