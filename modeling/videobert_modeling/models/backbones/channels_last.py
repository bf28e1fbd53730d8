"""The layout of kernels in memory that convolutions of clips and of pictures are fastest in."""

from __future__ import annotations

import torch
from torch import nn


def channels_last(network: nn.Module) -> None:
    """Put the channels of every kernel last in memory; its shape and values stay."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
