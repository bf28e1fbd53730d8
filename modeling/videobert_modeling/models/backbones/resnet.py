"""ResNet-50, -101 and -152 on the frames of a clip (arXiv 1512.03385, table 1).

Parameter names, padding and the constants of BatchNorm are those of torchvision, so its ImageNet weights load as they
are at `width=1.0`, except for their last layer, which is `classifier` here. As there, a block that halves the picture
does so in its 3 x 3 convolution.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from videobert.base.errors import ModelError
from videobert.model.backbone_kinds import scaled

Depth = Literal[50, 101, 152]
# Blocks of each stage.
BLOCKS: dict[Depth, tuple[int, int, int, int]] = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_CHANNELS = 3
_STEM = 64
_EXPANSION = 4
_NORM_EPS = 1e-5


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions, each with BatchNorm, added to the input; ReLU between and behind.

    Args:
        narrow: channels of the first two; the third has four times as many.
        stride: of the 3 x 3 convolution.
    """

    def __init__(self, inputs: int, narrow: int, stride: int) -> None:
        super().__init__()
        self.outputs = narrow * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, narrow, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow, eps=_NORM_EPS)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(narrow, eps=_NORM_EPS)
        self.conv3 = nn.Conv2d(narrow, self.outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.outputs, eps=_NORM_EPS)
        self.downsample = (
            None
            if stride == 1 and inputs == self.outputs
            else nn.Sequential(
                nn.Conv2d(inputs, self.outputs, 1, stride, bias=False), nn.BatchNorm2d(self.outputs, eps=_NORM_EPS)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        kept: Tensor = x if self.downsample is None else self.downsample(x)
        x = nn.functional.relu(self.bn1(self.conv1(x)))
        x = nn.functional.relu(self.bn2(self.conv2(x)))
        return nn.functional.relu(self.bn3(self.conv3(x)) + kept)


class ResNet(nn.Module):
    """ResNet up to the feature before its classifier, and the classifier if `classes` is given.

    Args:
        depth: 50, 101 or 152 layers.
        width: factor on every channel count, rounded to multiples of 8; 1.0 is the published network.
        feature_dim: length of the feature, which follows `width` (2048 at 1.0): None, or exactly that.
        classes: outputs of the classifier; None leaves it out.

    Raises:
        ModelError: another `feature_dim`.
    """

    def __init__(
        self, depth: Depth = 50, width: float = 1.0, feature_dim: int | None = None, classes: int | None = None
    ) -> None:
        super().__init__()
        self.depth = depth
        stem = scaled(_STEM, width)
        self.conv1 = nn.Conv2d(_CHANNELS, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem, eps=_NORM_EPS)
        channels = stem
        for stage, count in enumerate(BLOCKS[depth]):
            narrow = scaled(_STEM * 2**stage, width)
            blocks = nn.Sequential()
            for place in range(count):
                block = Bottleneck(channels, narrow, 2 if stage and not place else 1)
                channels = block.outputs
                blocks.append(block)
            self.add_module(f"layer{stage + 1}", blocks)
        if feature_dim not in (None, channels):
            raise ModelError(
                "the backbone cannot have a feature of this length",
                seen=feature_dim,
                allowed=f"{channels}, which follows from its width",
                fix="Correct backbone.feature_dim in config.json.",
            )
        self.feature_dim = channels
        self.classifier = None if classes is None else nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Features `(batch, feature_dim)` of normalised clips `(batch, 3, frames, height, width)`: the mean of those
        of the frames. Any number of frames of any size will do; the published size is 224 x 224.
        """
        return self.pooled(clips).mean(2)

    def pooled(self, clips: Tensor) -> Tensor:
        """The features of the frames, `(batch, feature_dim, frames)`, each the mean over its picture."""
        frames = clips.movedim(2, 1)
        x = nn.functional.relu(self.bn1(self.conv1(frames.reshape(-1, *frames.shape[2:]))))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return x.mean((2, 3)).reshape(-1, frames.shape[1], self.feature_dim).movedim(1, 2)

    def logits(self, features: Tensor) -> Tensor:
        """Class logits `(batch, classes)` of features `(batch, feature_dim)`, or frame by frame with a last axis
        `frames`.

        The classifier is linear, so the logits of the frames' mean feature are the mean of the frames' logits.

        Raises:
            ModelError: the network was built without a classifier.
        """
        if self.classifier is None:
            raise ModelError("this ResNet has no classifier", fix="Build it with classes=….")
        logits: Tensor = self.classifier(features.movedim(1, -1)).movedim(-1, 1)
        return logits
