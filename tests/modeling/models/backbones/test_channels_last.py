"""Kernels with their channels last in memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from videobert_modeling.models import S3DG, ResNet
from videobert_modeling.models.backbones.channels_last import channels_last


@pytest.mark.parametrize(
    ("network", "layout"),
    [(S3DG(0.125, 64), torch.channels_last_3d), (ResNet(50, 0.125), torch.channels_last)],
    ids=["clips", "pictures"],
)
def test_values_stay_and_every_kernel_is_laid_out_anew(network: nn.Module, layout: torch.memory_format):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    channels_last(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    kernels = [part.weight for part in network.modules() if isinstance(part, (nn.Conv2d, nn.Conv3d))]
    assert kernels
    assert all(kernel.is_contiguous(memory_format=layout) for kernel in kernels)
