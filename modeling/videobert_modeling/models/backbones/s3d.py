"""S3D, the paper's visual backbone: an Inception network of separable 3-D convolutions (arXiv 1712.04851).

Parameter names, padding and BatchNorm constants are those of torchvision's `s3d()`, so its Kinetics weights load as
they are at `width=1.0`.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from videobert.base.errors import InputError, ModelError
from videobert.model.backbone_kinds import scaled
from videobert_modeling.models.backbones.inception_sizes import BLOCKS, STEM, with_outputs

MIN_FRAMES = 14  # fewer leave a single step on the time axis, which the overlapping pool of two cannot take
_CHANNELS = 3
_NORM_EPS = 1e-3

# Where the blocks stand in `features`.
_PLACES = (5, 6, 8, 9, 10, 11, 12, 14, 15)


class ConvNorm(nn.Sequential):
    """Convolution without bias, BatchNorm, ReLU; odd kernels keep the size, `stride` apart."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int, int], stride: tuple[int, int, int], momentum: float
    ) -> None:
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        super().__init__(
            nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False),
            nn.BatchNorm3d(outputs, eps=_NORM_EPS, momentum=momentum),
            nn.ReLU(inplace=True),
        )


class SeparableConv(nn.Sequential):
    """A `(1, k, k)` convolution over the picture, then a `(k, 1, 1)` one over time, each with norm and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, momentum: float) -> None:
        super().__init__(
            ConvNorm(inputs, outputs, (1, kernel, kernel), (1, stride, stride), momentum),
            ConvNorm(outputs, outputs, (kernel, 1, 1), (stride, 1, 1), momentum),
        )

    @property
    def spatial(self) -> ConvNorm:
        """The half that sees one frame at a time."""
        return cast(ConvNorm, self[0])

    @property
    def temporal(self) -> ConvNorm:
        """The half that sees one pixel over time."""
        return cast(ConvNorm, self[1])


class InceptionBlock(nn.Module):
    """Four branches over the same input, concatenated by channel.

    Args:
        sizes: channels of `1x1`, `1x1 -> separable` (two), `1x1 -> separable` (two) and `pool -> 1x1`.
    """

    def __init__(self, inputs: int, sizes: tuple[int, ...], momentum: float) -> None:
        super().__init__()
        direct, narrow1, wide1, narrow2, wide2, pooled = sizes
        self.branch0 = _pointwise(inputs, direct, momentum)
        self.branch1 = nn.Sequential(
            _pointwise(inputs, narrow1, momentum), SeparableConv(narrow1, wide1, 3, 1, momentum)
        )
        self.branch2 = nn.Sequential(
            _pointwise(inputs, narrow2, momentum), SeparableConv(narrow2, wide2, 3, 1, momentum)
        )
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), _pointwise(inputs, pooled, momentum))
        self.outputs = direct + wide1 + wide2 + pooled

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)), 1)


class S3D(nn.Module):
    """S3D up to the feature before its classifier, and the classifier if `classes` is given.

    Args:
        width: factor on every channel count, rounded to multiples of 8; 1.0 is the published network.
        feature_dim: length of the feature, a multiple of 8; by default it follows `width` (1024 at 1.0).
        classes: outputs of the classifier; None leaves it out.
        norm_momentum: weight of a new batch in the running statistics. torchvision's 1e-3 suits fine-tuning; training
            from scratch needs about 0.1.
        dropout: on the feature, before the classifier, in training only.
    """

    def __init__(
        self,
        width: float = 1.0,
        feature_dim: int | None = None,
        classes: int | None = None,
        *,
        norm_momentum: float = 1e-3,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        stem = [scaled(size, width) for size in STEM]
        layers: list[nn.Module] = [
            SeparableConv(_CHANNELS, stem[0], 7, 2, norm_momentum),
            _picture_pool(),
            _pointwise(stem[0], stem[1], norm_momentum),
            SeparableConv(stem[1], stem[2], 3, 1, norm_momentum),
            _picture_pool(),
        ]
        channels = stem[2]
        for index, sizes in zip(_PLACES, BLOCKS.values(), strict=True):
            if index == 8:
                layers.append(nn.MaxPool3d(3, 2, 1))
            elif index == 14:
                layers.append(nn.MaxPool3d(2, 2, 0))
            own = tuple(scaled(size, width) for size in sizes)
            if index == _PLACES[-1] and feature_dim is not None:
                own = with_outputs(own, feature_dim)
            block = InceptionBlock(channels, own, norm_momentum)
            channels = block.outputs
            layers.append(block)
        self.feature_dim = channels
        self.features = nn.Sequential(*layers)
        self.classifier = (
            None if classes is None else nn.Sequential(nn.Dropout(dropout), nn.Conv3d(channels, classes, 1))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Features `(batch, feature_dim)` of normalised clips `(batch, 3, frames, height, width)`.

        Raises:
            InputError: fewer than 14 frames.
        """
        return self.pooled(clips).mean(2)

    def pooled(self, clips: Tensor) -> Tensor:
        """Features before the mean over time, `(batch, feature_dim, steps)`; 30 frames give 3 steps.

        The published pool is `(2, 7, 7)` at stride 1 for 224-pixel crops; here it always covers the whole picture.
        """
        if clips.shape[2] < MIN_FRAMES:
            raise InputError(
                "the clip is too short for S3D",
                seen=f"{clips.shape[2]} frames",
                allowed=f"{MIN_FRAMES} or more",
                fix="Set `frames` in the recipe to at least 14.",
            )
        maps = self.features(clips).mean((3, 4))
        return nn.functional.avg_pool1d(maps, 2, 1)

    def logits(self, features: Tensor) -> Tensor:
        """Class logits `(batch, classes)` of features `(batch, feature_dim)`.

        The classifier is linear, so it commutes with the mean over time that torchvision takes after it.

        Raises:
            ModelError: the network was built without a classifier.
        """
        if self.classifier is None:
            raise ModelError("this S3D has no classifier", fix="Build it with classes=….")
        out: Tensor = self.classifier(features[:, :, None, None, None])
        return out.flatten(1)


def _pointwise(inputs: int, outputs: int, momentum: float) -> ConvNorm:
    return ConvNorm(inputs, outputs, (1, 1, 1), (1, 1, 1), momentum)


def _picture_pool() -> nn.MaxPool3d:
    return nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
