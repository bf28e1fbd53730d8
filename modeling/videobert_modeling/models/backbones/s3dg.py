"""S3D-G of MIL-NCE: S3D with a space-to-depth stem and gated features (arXiv 1912.06430; gating: arXiv 1712.04851).

Parameter names, the constants of BatchNorm and the places of the padding are those of the published PyTorch network, so
its HowTo100M weights load as they are at `width=1.0`. What that network has behind the feature, its joint space with
text, is no part of this one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.backbone_kinds import scaled
from videobert_modeling.models.backbones.inception_sizes import BLOCKS, STEM, with_outputs

_CHANNELS = 3
_BLOCK = 2  # frames, rows and columns that the stem folds into channels
_NORM_EPS = 1e-5

Size = tuple[int, int, int]


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm, ReLU; the kernel keeps the size."""

    def __init__(self, inputs: int, outputs: int, kernel: Size = (1, 1, 1)) -> None:
        super().__init__()
        # An even kernel has its larger half of padding at the end.
        self.before: Size = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2, (kernel[2] - 1) // 2)
        self.after: Size = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv1 = nn.Conv3d(inputs, outputs, kernel, bias=False)
        self.bn1 = nn.BatchNorm3d(outputs, eps=_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return _unit(x, self.conv1, self.bn1, self.before, self.after)


class SeparableConv(nn.Module):
    """A `(1, 3, 3)` convolution over the picture, then a `(3, 1, 1)` one over time, each with norm and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, outputs, (1, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(outputs, eps=_NORM_EPS)
        self.conv2 = nn.Conv3d(outputs, outputs, (3, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(outputs, eps=_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        x = _unit(x, self.conv1, self.bn1, (0, 1, 1), (0, 1, 1))
        return _unit(x, self.conv2, self.bn2, (1, 0, 0), (1, 0, 0))


class SelfGating(nn.Module):
    """Every channel times a share of itself, which the means of all channels over the clip decide."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        shares = torch.sigmoid(self.fc(x.mean((2, 3, 4))))
        return x * shares.reshape(-1, x.shape[1], 1, 1, 1)


class InceptionBlock(nn.Module):
    """Four gated branches over the same input, concatenated by channel.

    Args:
        sizes: channels of `1x1`, `1x1 -> separable` (two), `1x1 -> separable` (two) and `pool -> 1x1`.
    """

    def __init__(self, inputs: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        direct, narrow1, wide1, narrow2, wide2, pooled = sizes
        self.conv_b0 = ConvNorm(inputs, direct)
        self.conv_b1_a = ConvNorm(inputs, narrow1)
        self.conv_b1_b = SeparableConv(narrow1, wide1)
        self.conv_b2_a = ConvNorm(inputs, narrow2)
        self.conv_b2_b = SeparableConv(narrow2, wide2)
        self.conv_b3_b = ConvNorm(inputs, pooled)
        self.gating_b0 = SelfGating(direct)
        self.gating_b1 = SelfGating(wide1)
        self.gating_b2 = SelfGating(wide2)
        self.gating_b3 = SelfGating(pooled)
        self.outputs = direct + wide1 + wide2 + pooled

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.gating_b0(self.conv_b0(x)),
            self.gating_b1(self.conv_b1_b(self.conv_b1_a(x))),
            self.gating_b2(self.conv_b2_b(self.conv_b2_a(x))),
            self.gating_b3(self.conv_b3_b(nn.functional.max_pool3d(x, 3, 1, 1))),
        )
        return torch.cat(branches, 1)


class S3DG(nn.Module):
    """S3D-G up to its feature, which is called `mixed_5c` after its last block.

    Args:
        width: factor on every channel count, rounded to multiples of 8; 1.0 is the published network.
        feature_dim: length of the feature, a multiple of 8; by default it follows `width` (1024 at 1.0).

    Raises:
        ModelError: an impossible `feature_dim`.
    """

    def __init__(self, width: float = 1.0, feature_dim: int | None = None) -> None:
        super().__init__()
        first, second, third = (scaled(size, width) for size in STEM)
        self.conv1 = ConvNorm(_CHANNELS * _BLOCK**3, first, (2, 4, 4))
        self.conv_2b = ConvNorm(first, second)
        self.conv_2c = SeparableConv(second, third)
        self.gating = SelfGating(third)
        channels = third
        for name, published in BLOCKS.items():
            sizes = tuple(scaled(size, width) for size in published)
            if name == "5c" and feature_dim is not None:
                sizes = with_outputs(sizes, feature_dim)
            block = InceptionBlock(channels, sizes)
            channels = block.outputs
            self.add_module(f"mixed_{name}", block)
        self.feature_dim = channels
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Features `(batch, feature_dim)` of clips `(batch, 3, frames, height, width)`, RGB from 0 to 1.

        The mean over what the last block gives for all times and places.

        Raises:
            InputError: an odd number of frames, rows or columns.
        """
        _check_size(clips)
        x = _pool(self.conv1(_space_to_depth(clips)), (1, 3, 3), (1, 2, 2))
        x = _pool(self.gating(self.conv_2c(self.conv_2b(x))), (1, 3, 3), (1, 2, 2))
        for name in BLOCKS:
            if name == "4b":
                x = _pool(x, (3, 3, 3), (2, 2, 2))
            elif name == "5b":
                x = _pool(x, (2, 2, 2), (2, 2, 2))
            x = self.get_submodule(f"mixed_{name}")(x)
        return x.mean((2, 3, 4))


def _unit(x: Tensor, conv: nn.Conv3d, norm: nn.BatchNorm3d, before: Size, after: Size) -> Tensor:
    if before == after:
        maps = nn.functional.conv3d(x, conv.weight, None, 1, before)
    else:
        # torch's own padding is the same at both ends of an axis; the exporter gives this one to the convolution.
        maps = nn.functional.conv3d(_padded(x, before, after), conv.weight)
    return nn.functional.relu(norm(maps))


def _pool(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Max pool with one output for every `stride` inputs, the last ones rounded up; all padding is at the end.

    TensorFlow's `SAME` puts half of it in front where a size is odd; the published network does not. The padding is
    zeros, which never win: what is pooled here is never negative.
    """
    frames, rows, columns = (
        max((-(-size // step) - 1) * step + window - size, 0)
        for size, window, step in zip(x.shape[2:], kernel, stride, strict=True)
    )
    return nn.functional.max_pool3d(_padded(x, (0, 0, 0), (frames, rows, columns)), kernel, stride)


def _padded(x: Tensor, before: Size, after: Size) -> Tensor:
    ends = [size for pair in zip(reversed(before), reversed(after), strict=True) for size in pair]
    return nn.functional.pad(x, ends) if any(ends) else x


def _space_to_depth(clips: Tensor) -> Tensor:
    """Blocks of 2 x 2 x 2 pixels as channels: in order of time, row and column, each with its three colours."""
    frames, height, width = (size // _BLOCK for size in clips.shape[2:])
    blocks = clips.reshape(-1, _CHANNELS, frames, _BLOCK, height, _BLOCK, width, _BLOCK)
    return blocks.permute(0, 3, 5, 7, 1, 2, 4, 6).reshape(-1, _CHANNELS * _BLOCK**3, frames, height, width)


def _check_size(clips: Tensor) -> None:
    frames, height, width = clips.shape[2:]
    if frames % _BLOCK or height % _BLOCK or width % _BLOCK:
        raise InputError(
            "S3D-G takes even sizes only",
            seen=f"{frames} frames of {width} x {height} pixels",
            allowed="even numbers of frames, rows and columns",
            fix="Set `frames` and `crop` in the recipe to even numbers.",
        )
