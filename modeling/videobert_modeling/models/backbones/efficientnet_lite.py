"""EfficientNet-Lite0, a classifier of single pictures that is made for CPUs.

The network is EfficientNet-B0 (arXiv 1905.11946, table 1) without squeeze-and-excitation and with ReLU6 in place of
swish; stem and head keep their published widths. Padding is TensorFlow's "SAME", taken from the size of the picture:
where a stride leaves an odd number of rows to add, the one more goes to the bottom and to the right.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

_CHANNELS = 3
_NORM_EPS = 1e-3
_STEM, _HEAD = 32, 1280

# Kernel, stride of the first block, expansion, channels, blocks.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class SameConv(nn.Module):
    """Convolution without bias under "SAME" padding, then BatchNorm; `act` adds ReLU6.

    Args:
        groups: as in `nn.Conv2d`; as many as `inputs` make it depthwise.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        # Without a stride both sides get the same, which a convolution does by itself.
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=_NORM_EPS)
        self.kernel, self.stride, self.act = kernel, stride, act

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            rows, columns = (_same_padding(size, self.kernel, self.stride) for size in x.shape[-2:])
            x = nn.functional.pad(x, (*columns, *rows))
        x = self.norm(self.conv(x))
        return nn.functional.relu6(x) if self.act else x


class InvertedResidual(nn.Module):
    """Pointwise expansion, depthwise convolution, pointwise projection; the input is added where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = SameConv(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = SameConv(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv(wide, outputs, 1, act=False)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + out if self.adds_input else out


class EfficientNetLite0(nn.Module):
    """The whole network.

    Args:
        classes: outputs of the classifier; the published weights know ImageNet's 1000.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = SameConv(_CHANNELS, _STEM, 3, 2)
        widths = [_STEM, *(channels for _, _, _, channels, _ in _STAGES)]
        blocks: list[nn.Module] = []
        for (before, after), (kernel, stride, expansion, _, count) in zip(pairwise(widths), _STAGES, strict=True):
            blocks.append(InvertedResidual(before, after, kernel, stride, expansion))
            blocks += [InvertedResidual(after, after, kernel, 1, expansion) for _ in range(count - 1)]
        self.blocks = nn.ModuleList(blocks)
        self.head = SameConv(widths[-1], _HEAD, 1)
        self.classifier = nn.Linear(_HEAD, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits `(batch, classes)` of pictures `(batch, 3, height, width)`, normalised to `(x - 127) / 128`.

        The published size is 224 x 224; any other works, at a loss of accuracy.
        """
        x = self.stem(pictures)
        for block in self.blocks:
            x = block(x)
        pooled = torch.mean(self.head(x), (2, 3))
        logits: Tensor = self.classifier(pooled)
        return logits


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, so that `ceil(size / stride)` outputs come of `size` inputs."""
    steps = -(-size // stride)
    missing = max(0, (steps - 1) * stride + kernel - size)
    return missing // 2, missing - missing // 2
