"""Inception I3D: an Inception network whose kernels see time as they see the picture (arXiv 1705.07750).

Layers, their names and the constants of BatchNorm are those of the widespread PyTorch port of DeepMind's network, so
the port's Kinetics weights load as they are at `width=1.0`, except for its last layer, which is `classifier` here.
DeepMind's BatchNorm has no scale: with its weights `bn.weight` is 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videobert.base.errors import InputError, ModelError
from videobert.model.backbone_kinds import scaled
from videobert_modeling.models.backbones.inception_sizes import BLOCKS, STEM, with_outputs

# Less leaves no place for the average pool: frames are halved three times, the picture five times, rounded up.
MIN_FRAMES = 9
MIN_SIDE = 193
_CHANNELS = 3
_NORM_EPS = 1e-3
_NORM_MOMENTUM = 1e-3
_AVERAGED = (2, 7, 7)

Size = tuple[int, int, int]


class SameConv(nn.Module):
    """Convolution without bias, padded as TensorFlow's `SAME` does, BatchNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=_NORM_EPS, momentum=_NORM_MOMENTUM)
        self.kernel: Size = (kernel, kernel, kernel)
        self.stride: Size = (stride, stride, stride)

    def forward(self, x: Tensor) -> Tensor:
        before, after = _same(x, self.kernel, self.stride)
        if before == after:
            maps = nn.functional.conv3d(x, self.conv3d.weight, None, self.stride, before)
        else:
            # torch's own padding is the same at both ends of an axis; the exporter gives this one to the convolution.
            ends = [size for pair in zip(reversed(before), reversed(after), strict=True) for size in pair]
            maps = nn.functional.conv3d(nn.functional.pad(x, ends), self.conv3d.weight, None, self.stride)
        return nn.functional.relu(self.bn(maps))


class SameMaxPool(nn.Module):
    """Max pool, padded as TensorFlow's `SAME` does.

    The padding never wins: TensorFlow leaves it out of the maximum. The port pads with zeros, which comes to the same
    here, since every pool follows a ReLU.
    """

    def __init__(self, kernel: Size, stride: Size) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        before, _ = _same(x, self.kernel, self.stride)
        # At the far end `SAME` has the same padding or one more; rounding the size up is that one.
        return nn.functional.max_pool3d(x, self.kernel, self.stride, before, ceil_mode=True)


class InceptionBlock(nn.Module):
    """Four branches over the same input, concatenated by channel.

    Args:
        sizes: channels of `1x1`, `1x1 -> 3x3x3` (two), `1x1 -> 3x3x3` (two) and `pool -> 1x1`.
    """

    def __init__(self, inputs: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        direct, narrow1, wide1, narrow2, wide2, pooled = sizes
        self.b0 = SameConv(inputs, direct, 1)
        self.b1a = SameConv(inputs, narrow1, 1)
        self.b1b = SameConv(narrow1, wide1, 3)
        self.b2a = SameConv(inputs, narrow2, 1)
        self.b2b = SameConv(narrow2, wide2, 3)
        self.b3a = SameMaxPool((3, 3, 3), (1, 1, 1))
        self.b3b = SameConv(inputs, pooled, 1)
        self.outputs = direct + wide1 + wide2 + pooled

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))), 1)


class I3D(nn.Module):
    """I3D up to the feature before its classifier, and the classifier if `classes` is given.

    Args:
        width: factor on every channel count, rounded to multiples of 8; 1.0 is the published network.
        feature_dim: length of the feature, a multiple of 8; by default it follows `width` (1024 at 1.0).
        classes: outputs of the classifier; None leaves it out.

    Raises:
        ModelError: an impossible `feature_dim`.
    """

    def __init__(self, width: float = 1.0, feature_dim: int | None = None, classes: int | None = None) -> None:
        super().__init__()
        first, second, third = (scaled(size, width) for size in STEM)
        parts: dict[str, nn.Module] = {
            "Conv3d_1a_7x7": SameConv(_CHANNELS, first, 7, 2),
            "MaxPool3d_2a_3x3": SameMaxPool((1, 3, 3), (1, 2, 2)),
            "Conv3d_2b_1x1": SameConv(first, second, 1),
            "Conv3d_2c_3x3": SameConv(second, third, 3),
            "MaxPool3d_3a_3x3": SameMaxPool((1, 3, 3), (1, 2, 2)),
        }
        channels = third
        for name, published in BLOCKS.items():
            if name == "4b":
                parts["MaxPool3d_4a_3x3"] = SameMaxPool((3, 3, 3), (2, 2, 2))
            elif name == "5b":
                parts["MaxPool3d_5a_2x2"] = SameMaxPool((2, 2, 2), (2, 2, 2))
            sizes = tuple(scaled(size, width) for size in published)
            if name == "5c" and feature_dim is not None:
                sizes = with_outputs(sizes, feature_dim)
            block = InceptionBlock(channels, sizes)
            channels = block.outputs
            parts[f"Mixed_{name}"] = block
        self.order = tuple(parts)
        for name, part in parts.items():
            self.add_module(name, part)
        self.feature_dim = channels
        self.classifier = None if classes is None else nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Features `(batch, feature_dim)` of clips `(batch, 3, frames, height, width)`, RGB from -1 to 1.

        Raises:
            InputError: fewer than 9 frames, or a side of fewer than 193 pixels.
        """
        return self.pooled(clips).mean(2)

    def pooled(self, clips: Tensor) -> Tensor:
        """Features before the mean over time, `(batch, feature_dim, steps)`; 64 frames give 7 steps.

        The pool is the published one, 2 x 7 x 7 at stride 1. A crop of 193 to 224 pixels has one place for it in the
        picture; a larger one has several, of which this is the mean.
        """
        _check_size(clips)
        maps = clips
        for name in self.order:
            maps = self.get_submodule(name)(maps)
        return nn.functional.avg_pool3d(maps, _AVERAGED, 1).mean((3, 4))

    def logits(self, features: Tensor) -> Tensor:
        """Class logits `(batch, classes)` of features `(batch, feature_dim)`, or step by step with a last axis `steps`.

        The classifier is linear, so it commutes with the mean over time that the published network takes after it.

        Raises:
            ModelError: the network was built without a classifier.
        """
        if self.classifier is None:
            raise ModelError("this I3D has no classifier", fix="Build it with classes=….")
        logits: Tensor = self.classifier(features.movedim(1, -1)).movedim(-1, 1)
        return logits


def _same(x: Tensor, kernel: Size, stride: Size) -> tuple[Size, Size]:
    """TensorFlow's `SAME` padding before and after the frames, rows and columns of `x`, told by their number.

    One output for every `stride` inputs, the last ones rounded up; an odd amount has its larger half at the end.
    """
    totals = [
        max((-(-size // step) - 1) * step + window - size, 0)
        for size, window, step in zip(x.shape[2:], kernel, stride, strict=True)
    ]
    frames, rows, columns = totals
    before = (frames // 2, rows // 2, columns // 2)
    return before, (frames - before[0], rows - before[1], columns - before[2])


def _check_size(clips: Tensor) -> None:
    frames, height, width = clips.shape[2:]
    if frames < MIN_FRAMES:
        raise InputError(
            "the clip is too short for I3D",
            seen=f"{frames} frames",
            allowed=f"{MIN_FRAMES} or more",
            fix=f"Set `frames` in the recipe to at least {MIN_FRAMES}.",
        )
    if min(height, width) < MIN_SIDE:
        raise InputError(
            "the picture is too small for I3D",
            seen=f"{width} x {height} pixels",
            allowed=f"{MIN_SIDE} x {MIN_SIDE} or more",
            fix=f"Set `crop` in the recipe to at least {MIN_SIDE}; the network was made for 224.",
        )
